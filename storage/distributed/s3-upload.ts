/** One blob into S3: one request when it is short, a multipart upload when it is longer. Memory: one part or two, however long it is. */
import { createHash } from 'node:crypto'
import { StorageError } from '../contract.js'
import type { S3Answer, S3Body, S3Client, SendOptions } from './s3-client.js'
import type { S3Refusal } from './s3-errors.js'
import { mostParts, PartReader, partSize, type Source } from './s3-parts.js'
import { escapeXml, readXml, textOf } from './s3-xml.js'

export interface Uploaded { readonly size: number, readonly hash: string }

export interface UploadOptions {
  /** Bytes to come, as announced. */
  readonly size?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Called before anything is sent. */
  readonly begin: () => void
}

/** Milliseconds for clearing up after a failure: its caller waits for the news. */
const farewell = 3_000
const type = { 'content-type': 'application/octet-stream' }

/** Resolves when the server has the whole blob. Throws what the source threw, the signal's reason, or a StorageError. */
export async function upload (client: S3Client, key: string, source: Source, { size, signal, begin }: UploadOptions): Promise<Uploaded> {
  // Aborted by the caller, or by a part that failed while the next is gathered.
  const stop = new AbortController()
  const aborted = (): void => { stop.abort(signal?.reason) }
  signal?.addEventListener('abort', aborted)
  const parts = new PartReader(source, client.settings.checksum, stop.signal)
  let release = (): void => {}
  try {
    signal?.throwIfAborted()
    const room = partSize(1, client.settings.partSize, size)
    // Nothing is taken from the source before there is room for it: who sends it waits, not we.
    release = await client.memory.enter(Math.min(room, size ?? room), stop.signal)
    const first = await parts.next(room)
    begin()
    if (parts.ended) await sendWhole(client, key, first, stop.signal)
    else await uploadParts(client, key, parts, first, size, stop)
    return { size: parts.size, hash: parts.hash }
  } finally {
    release()
    signal?.removeEventListener('abort', aborted)
    await parts.close()
  }
}

async function sendWhole (client: S3Client, key: string, body: S3Body, signal: AbortSignal): Promise<void> {
  const doing = `writing ${key}`
  tagOf(await client.send({ method: 'PUT', key, body, headers: type, doing }, { signal }), doing)
}

/** Who stores something says so with an ETag; a proxy that answers 200 by itself does not. */
function tagOf (answer: S3Answer | undefined, doing: string): string {
  const tag = answer?.headers['etag']
  if (typeof tag !== 'string') throw new StorageError('unavailable', `${doing}: the answer has no ETag, so it is not that of S3`)
  return tag
}

async function uploadParts (client: S3Client, key: string, parts: PartReader, first: S3Body, announced: number | undefined, stop: AbortController): Promise<void> {
  const { signal } = stop
  const uploadId = await create(client, key, signal)
  const tags: string[] = []
  let sending: Promise<void> = Promise.resolve()
  let spare: (() => void) | undefined
  const start = (number: number, body: S3Body): void => {
    sending = sendPart(client, key, uploadId, number, body, signal).then(tag => { tags[number - 1] = tag })
    // Gathering the next part ends, too; who awaits `sending` hears the error itself.
    sending.catch((error: unknown) => { stop.abort(error) })
  }
  try {
    start(1, first)
    for (let number = 2; !parts.ended; number++) {
      if (number > mostParts) throw new StorageError('full', `writing ${key}: S3 takes no more than ${mostParts} parts, and this blob is longer`)
      const room = partSize(number, client.settings.partSize, announced)
      // The next part is gathered while this one is sent, if there is room for two; the room of one it has in any case.
      spare ??= client.memory.tryEnter(room)
      if (spare === undefined) await sending
      const part = await parts.next(room)
      await sending
      start(number, part)
    }
    await sending
    await complete(client, key, uploadId, tags, parts.size, signal)
  } catch (error) {
    stop.abort(error)
    await sending.catch(() => {})
    await abortUpload(client, key, uploadId, { retryFor: 0, signal: AbortSignal.timeout(farewell) }).catch(() => {
      // What is left of it is found when its lease is swept.
    })
    throw error
  } finally {
    spare?.()
  }
}

async function create (client: S3Client, key: string, signal: AbortSignal): Promise<string> {
  const doing = `beginning the upload of ${key}`
  const answer = await client.send({ method: 'POST', key, query: { uploads: '' }, headers: type, doing }, { signal })
  const result = readXml(answer?.text ?? '', 'InitiateMultipartUploadResult')
  const uploadId = result === undefined ? '' : textOf(result, 'UploadId')
  if (uploadId === '') throw new StorageError('unavailable', `${doing}: the answer has no upload ID in it`)
  return uploadId
}

async function sendPart (client: S3Client, key: string, uploadId: string, number: number, body: S3Body, signal: AbortSignal): Promise<string> {
  const doing = `writing part ${number} of ${key}`
  return tagOf(await client.send({ method: 'PUT', key, query: { partNumber: String(number), uploadId }, body, doing }, { signal }), doing)
}

/** Asks for the length afterwards: the answer to the completion itself may have been lost, or be an error under the status 200. */
async function complete (client: S3Client, key: string, uploadId: string, tags: readonly string[], size: number, signal: AbortSignal): Promise<void> {
  const doing = `completing ${key}`
  const list = tags.map((tag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${escapeXml(tag)}</ETag></Part>`).join('')
  const text = Buffer.from(`<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${list}</CompleteMultipartUpload>`)
  // An upload that is gone may be one whose completion was answered into a broken connection.
  const gone = ({ code }: S3Refusal): boolean => code === 'NoSuchUpload'
  await client.send({ method: 'POST', key, query: { uploadId }, headers: { 'content-type': 'application/xml' }, body: textBody(text), doing }, { signal, tolerate: gone })
  const head = await client.send({ method: 'HEAD', key, doing }, { signal, tolerate: ({ status }) => status === 404 })
  if (head === undefined) throw new StorageError('unavailable', `${doing}: the server no longer knows the upload, nor the object`)
  if (Number(head.headers['content-length']) !== size) throw new StorageError('unavailable', `${doing}: the object has ${String(head.headers['content-length'])} bytes; ${size} were sent`)
}

/** A text to send, with all that servers may ask of it. */
export function textBody (text: Buffer): S3Body {
  return { chunks: [text], length: text.length, sha256: createHash('sha256').update(text).digest('hex'), md5: createHash('md5').update(text).digest('base64') }
}

/** Gives up an upload, and its parts. An upload that is gone already is fine. */
export async function abortUpload (client: S3Client, key: string, uploadId: string, options: Pick<SendOptions, 'retryFor' | 'signal'> = {}): Promise<void> {
  await client.send({ method: 'DELETE', key, query: { uploadId }, doing: `giving up the upload of ${key}` }, { ...options, tolerate: ({ status }) => status === 404 })
}
