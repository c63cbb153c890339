/** The requests of a load: those that change something, known to its model before they are sent, and those that look. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { type Dispatcher, type FormData, request } from 'undici'
import type { Effect, LoadModel, State } from './load-model.js'
import type { LoadSockets, SocketDoor } from './load-sockets.js'

export interface Target {
  readonly origin: string
  /** Missing where anybody may do anything. */
  readonly authorization?: string
  readonly dispatcher?: Dispatcher
  /** Missing where all goes over HTTP. */
  readonly sockets?: LoadSockets
}

export interface Sent {
  readonly method: 'PUT' | 'POST' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly headers?: Record<string, string>
  readonly body?: Buffer | FormData | Readable
  /** The door for it where there are sockets. */
  readonly door?: SocketDoor | undefined
}

export const cdmiObject = { 'content-type': 'application/cdmi-object' }
export const cdmiContainer = { 'content-type': 'application/cdmi-container' }

/** An answer that says that it was not done, or not found. */
export class Refused extends Error {
  /** Whether it says, as it should, that another try later may succeed. */
  readonly passes: boolean
  readonly status: number

  constructor (asked: string, { statusCode, headers }: { readonly statusCode: number, readonly headers: IncomingHttpHeaders }, text: string) {
    super(`${asked} answered ${statusCode}: ${text}`)
    this.status = statusCode
    this.passes = statusCode === 503 && headers['retry-after'] !== undefined
  }
}

/** A worker of a load: its requests are sent one at a time. */
export class LoadClient {
  readonly #model: LoadModel
  readonly target: Target
  readonly worker: number

  constructor (model: LoadModel, target: Target, worker: number) {
    this.#model = model
    this.target = target
    this.worker = worker
  }

  /** Throws for answers that say it was not done; what it was to do is in the model all the same, in case the server dies first. */
  async send ({ method, url, headers = {}, body, door }: Sent, ...effects: Effect[]): Promise<void> {
    this.#model.begin(this.worker, ...effects)
    const { sockets } = this.target
    if (sockets !== undefined && door !== undefined) {
      const { status, error = '', retryAfter } = await sockets.ask(door, { method, url, ...body instanceof Buffer && { data: JSON.parse(body.toString()) as unknown } })
      if (status >= 300) throw new Refused(`${method} ${url} over ${door}`, { statusCode: status, headers: retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) } }, error)
      return this.#model.acknowledge(this.worker)
    }
    const answer = await request(this.target.origin + url, { method, headers: { ...authorized(this.target), ...headers }, body: body ?? null, ...dispatch(this.target) })
    const text = await answer.body.text()
    if (answer.statusCode >= 300) throw new Refused(`${method} ${url}`, answer, text)
    this.#model.acknowledge(this.worker)
  }
}

/** What is at a URL. Of a container the bytes are a list of paths and values of all below it, and the ID is those of all of them. */
export async function read (target: Target, url: string): Promise<State> {
  const container = url.endsWith('/')
  const answer = await get(target, container ? `${url}?objectID&children=![objectName,objectID,value]` : url, container ? { accept: 'application/cdmi-container' } : {})
  const { statusCode, headers, bytes } = answer
  if (statusCode === 404) return undefined
  if (statusCode === 202) return 'waiting'
  if (statusCode !== 200) throw new Refused(`GET ${url}`, answer, bytes.toString())
  if (!container) return { bytes, id: /^"([0-9A-F]+)\./.exec(String(headers.etag))?.[1] }
  const { objectID, children } = JSON.parse(bytes.toString()) as { objectID: string, children: Shown[] }
  const below = [...objectsIn(children, '')]
  return { bytes: Buffer.from(JSON.stringify(below.map(([path, , value]) => [path, value]))), id: [objectID, ...below.map(([, id]) => id)].join(' ') }
}

/** A child; or the children of the container before. */
type Shown = ShownObject | readonly Shown[]
type ShownObject = readonly [name: string, id: string, value: string | null]

function * objectsIn (children: readonly Shown[], parent: string): Generator<ShownObject> {
  let last = ''
  for (const child of children) {
    if (isObject(child)) {
      const [name, id, value] = child
      last = parent + name
      yield [last, id, value]
    } else {
      yield * objectsIn(child, last)
    }
  }
}

function isObject (child: Shown): child is ShownObject {
  return typeof child[0] === 'string'
}

/** The names in a container. */
export async function namesIn (target: Target, url: string): Promise<string[]> {
  const { bytes, ...answer } = await get(target, url, { accept: 'application/json' })
  if (answer.statusCode !== 200) throw new Refused(`GET ${url}`, answer, bytes.toString())
  const { children } = JSON.parse(bytes.toString()) as { children: string[] }
  return children
}

async function get (target: Target, url: string, headers: Record<string, string>): Promise<{ statusCode: number, headers: IncomingHttpHeaders, bytes: Buffer }> {
  const answer = await request(target.origin + url, { headers: { ...authorized(target), ...headers }, ...dispatch(target) })
  return { statusCode: answer.statusCode, headers: answer.headers, bytes: Buffer.from(await answer.body.arrayBuffer()) }
}

function authorized ({ authorization }: Target): { authorization?: string } {
  return authorization === undefined ? {} : { authorization }
}

function dispatch ({ dispatcher }: Target): { dispatcher?: Dispatcher } {
  return dispatcher === undefined ? {} : { dispatcher }
}

/** Whether it says that the server is gone. */
export function isConnectionError (error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error ? String(error.code) : ''
  return ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_CLOSED', 'UND_ERR_DESTROYED'].includes(code) || isConnectionError(error.cause)
}
