/** A range of a blob out of S3, exactly: what breaks off goes on where it was, and what cannot go on is an error. */
import { StorageError } from '../contract.js'
import type { OpenAnswer, S3Client } from './s3-client.js'
import { Retries } from './s3-retries.js'

/** The part of the time-out that a reader may in all keep one connection waiting; after that it is closed, for others, and the reader gets a new one when it goes on. */
const patience = 0.25
/** So much makes an attempt one that has achieved something. */
const progress = 64 * 1024

export interface Range { readonly key: string, readonly offset: number, readonly length: number }

/** Throws a StorageError: 'missing', 'corrupt' (shorter than asked for, or another object than before), 'unavailable' … */
export async function * download (client: S3Client, range: Range): AsyncGenerator<Uint8Array> {
  const doing = `reading ${range.key}`
  const retries = new Retries(client.settings.retryFor)
  const state: State = { at: 0, tag: undefined, paused: false }
  while (state.at < range.length) {
    const from = state.at
    state.paused = false
    try {
      yield * pieces(client, range, state, doing)
    } catch (error) {
      if (state.paused) continue
      if (state.at - from >= progress) retries.progress()
      try {
        await retries.after(error)
        client.count.retried()
      } catch (last) {
        client.count.failed()
        throw client.translate(last, doing)
      }
    }
  }
}

interface State {
  /** Bytes that were given. */
  at: number
  /** The ETag of the first answer. */
  tag: string | undefined
  /** The connection was closed by us, for its reader was slow. */
  paused: boolean
}

/** What one answer brings. Ends when all were given, else throws. */
async function * pieces (client: S3Client, { key, offset, length }: Range, state: State, doing: string): AsyncGenerator<Uint8Array> {
  const first = offset + state.at
  const headers = { range: `bytes=${first}-${offset + length - 1}`, ...(state.tag === undefined ? {} : { 'if-match': state.tag }) }
  const answer = await client.open({ method: 'GET', key, headers, doing })
  let left = client.settings.timeout * patience
  try {
    check(answer, first, length - state.at, doing)
    state.tag ??= typeof answer.headers['etag'] === 'string' ? answer.headers['etag'] : undefined
    for await (const chunk of answer.body) {
      if (!(chunk instanceof Uint8Array)) continue
      if (state.at + chunk.length > length) throw new StorageError('corrupt', `${doing}: the server sends more than it was asked for`)
      state.at += chunk.length
      const given = performance.now()
      const timer = setTimeout(() => { state.paused = true; answer.end() }, left).unref()
      try {
        yield chunk
      } finally {
        clearTimeout(timer)
      }
      left = Math.max(0, left - (performance.now() - given))
    }
  } finally {
    answer.end()
  }
  if (state.at < length && !state.paused) throw Object.assign(new Error(`the answer ended ${length - state.at} bytes early`), { code: 'ECONNRESET' })
}

/** The range must be the one that was asked for: a shorter one would look like a shorter value. */
function check ({ status, headers }: OpenAnswer, first: number, wanted: number, doing: string): void {
  const length = headers['content-length'] === undefined ? undefined : Number(headers['content-length'])
  if (status === 200 && first === 0 && length === wanted) return
  if (status !== 206) throw new StorageError('unavailable', `${doing}: the server does not answer with a range when it is asked for one (status ${status})`)
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(String(headers['content-range']))
  if (Number(range?.[1]) !== first) throw new StorageError('unavailable', `${doing}: the server answers with another range than the one that was asked for`)
  const sent = Number(range?.[2]) - first + 1
  if (sent !== wanted || (length !== undefined && length !== sent)) throw new StorageError('corrupt', `${doing}: ${wanted} bytes from ${first} on were written, the server has ${sent}`)
}
