/** A load whose every request has a mark, in its head and in what it stores, so that both are found in a trace of the server. */
import { Agent, FormData, request } from 'undici'
import type { Chance } from '../helpers/chance.js'
import { LoadSockets, type SocketDoor, socketDoors } from '../helpers/load-sockets.js'
import type { ServerProcess } from '../helpers/server-process.js'
import { markHeader } from './flush-order.js'

export interface Marked {
  readonly mark: string
  /** What the object is from then on. Undefined: gone; null: waiting for the rest of its value. */
  readonly value: Buffer | undefined | null
}

/** By the names that lead to an object: what was done to it, one after the other. */
export type History = ReadonlyMap<string, readonly Marked[]>

const connections = 8
const shortest = 10
const short = 20_000
const long = 65_537
const longest = 700_000
/** Milliseconds that an answer may take; a server that is followed is slow. */
const patience = 60_000

/** Writes through every door, `connections` at once. Throws for an answer that is no success. */
export async function markedLoad ({ origin, authorization }: ServerProcess, count: number, chance: Chance): Promise<History> {
  const history = new Map<string, Marked[]>()
  const dispatcher = new Agent({ connections })
  const sockets = await LoadSockets.open({ origin, authorization })
  const marks = { made: 0 }

  const note = (path: string, marked: Marked): void => { history.set(path, [...history.get(path) ?? [], marked]) }
  const newMark = (kind: 'long' | 'short' | 'gone'): string => `${kind}-${String(marks.made++).padStart(6, '0')}`
  const valueOf = (mark: string): Buffer => Buffer.alloc(mark.startsWith('long-') ? chance.int(long, longest) : chance.int(shortest, short), mark + ' ')

  async function http (method: 'PUT' | 'POST' | 'DELETE', path: string, mark: string, headers: Record<string, string>, body: Buffer | FormData | null): Promise<void> {
    const answer = await request(origin + path, { method, headers: { authorization, [markHeader]: mark, ...headers }, body, dispatcher, signal: AbortSignal.timeout(patience) })
    const text = await answer.body.text()
    if (answer.statusCode >= 300) throw new Error(`${method} ${path} answered ${answer.statusCode}: ${text}`)
  }

  async function message (door: SocketDoor, method: string, path: string, mark: string, data?: unknown): Promise<void> {
    const { status, error } = await sockets.ask(door, { method, url: path, ...data !== undefined && { data } }, mark)
    if (status >= 300) throw new Error(`${method} ${path} over ${door} answered ${status}: ${error}`)
  }

  async function putPlain (path: string, mark: string, value = valueOf(mark), headers: Record<string, string> = {}): Promise<Buffer> {
    await http('PUT', path, mark, { 'content-type': `marked/${mark}`, ...headers }, value)
    return value
  }

  /** In the form that is stored. */
  async function putKeyed (path: string, mark: string, method: 'POST' | 'PUT'): Promise<Buffer> {
    const data = { mark, text: 'x'.repeat(chance.int(short)) }
    const door = chance.one([undefined, ...socketDoors])
    const value = Buffer.from(JSON.stringify(data))
    if (door === undefined) await http(method, path, mark, { 'content-type': 'application/json' }, value)
    else await message(door, method, path, mark, data)
    return value
  }

  async function make (): Promise<string> {
    const mark = newMark(chance.int(2) === 0 ? 'long' : 'short')
    const path = '/' + mark
    const value = valueOf(mark)
    switch (chance.int(5)) {
      case 0: {
        const keyed = newMark('short')
        note(`/data/${keyed}`, { mark: keyed, value: await putKeyed(`/data/${keyed}`, keyed, 'POST') })
        return `/data/${keyed}`
      }
      case 1:
        await http('PUT', path, mark, { 'content-type': 'application/cdmi-object' }, Buffer.from(JSON.stringify({ mimetype: `marked/${mark}`, valuetransferencoding: 'base64', value: value.toString('base64') })))
        break
      case 2: {
        const form = new FormData()
        form.append('file', new Blob([Uint8Array.from(value)]), mark)
        await http('POST', '/', mark, {}, form)
        break
      }
      case 3: {
        // In two parts; the second has a mark of its own.
        const first = newMark('short')
        const half = Buffer.alloc(200, first + ' ')
        await putPlain('/' + first, first, half, { 'x-cdmi-partial': 'true', 'content-range': 'bytes 0-199/*' })
        note('/' + first, { mark: first, value: null })
        await putPlain('/' + first, mark, value, { 'x-cdmi-partial': 'false', 'content-range': `bytes 200-${199 + value.length}/*` })
        note('/' + first, { mark, value: Buffer.concat([half, value]) })
        return '/' + first
      }
      default:
        await putPlain(path, mark, value)
    }
    note(path, { mark, value })
    return path
  }

  async function work (): Promise<void> {
    const own: string[] = []
    while (marks.made < count) {
      const path = chance.one(own)
      const action = chance.int(10)
      if (path === undefined || action < 6) {
        own.push(await make())
      } else if (action < 9) {
        const keyed = path.startsWith('/data/')
        const mark = newMark(keyed || chance.int(2) === 0 ? 'short' : 'long')
        note(path, { mark, value: keyed ? await putKeyed(path, mark, 'PUT') : await putPlain(path, mark) })
      } else {
        const mark = newMark('gone')
        await http('DELETE', path, mark, {}, null)
        note(path, { mark, value: undefined })
        own.splice(own.indexOf(path), 1)
      }
    }
  }

  try {
    await Promise.all(Array.from({ length: connections }, work))
  } finally {
    sockets.close()
    await dispatcher.destroy()
  }
  return history
}
