/** A client of the CDMI form, for tests over `inject`: what it sends and gets is JSON. */
import type { FastifyInstance, InjectOptions } from 'fastify'
import type { Json, JsonObject } from '../../storage/contract.js'

export interface CdmiAnswer {
  readonly status: number
  readonly headers: Record<string, unknown>
  readonly text: string
  /** The body; `{}` when there is none. */
  readonly fields: JsonObject
}

/** Containers are told by the slash at the end of their URIs. */
export function cdmiClient (app: FastifyInstance): CdmiClient {
  return new CdmiClient(app)
}

export class CdmiClient {
  readonly #app: FastifyInstance

  constructor (app: FastifyInstance) {
    this.#app = app
  }

  async ask (method: NonNullable<InjectOptions['method']>, url: string, body?: string | Buffer | JsonObject, headers: Record<string, string> = {}): Promise<CdmiAnswer> {
    const container = new URL(url, 'http://x').pathname.endsWith('/') && method !== 'POST'
    const type = container ? 'application/cdmi-container' : 'application/cdmi-object'
    const payload = typeof body === 'string' || Buffer.isBuffer(body) || body === undefined ? body : JSON.stringify(body)
    const answer = await this.#app.inject({
      method,
      url,
      headers: { accept: type, ...(payload === undefined ? {} : { 'content-type': type }), ...headers },
      ...(payload === undefined ? {} : { payload })
    })
    return { status: answer.statusCode, headers: answer.headers, text: answer.body, fields: answer.body === '' ? {} : JSON.parse(answer.body) as JsonObject }
  }

  async get (url: string): Promise<JsonObject> {
    return expected(await this.ask('GET', url), 200)
  }

  /** Makes an object that is not there. */
  async make (url: string, body: JsonObject = {}): Promise<JsonObject> {
    return expected(await this.ask('PUT', url, body), 201)
  }

  async change (url: string, body: JsonObject): Promise<void> {
    expected(await this.ask('PATCH', url, body), 204)
  }

  async remove (url: string): Promise<void> {
    expected(await this.ask('DELETE', url), 204)
  }

  /** The serialization of an object, by way of a data object that is removed again. */
  async serialization (url: string): Promise<JsonObject> {
    await this.make('/the-serialization', { serialize: url })
    const { value } = await this.get('/the-serialization')
    await this.remove('/the-serialization')
    return JSON.parse(String(value)) as JsonObject
  }

  /** The same of an object that is removed then: its ID is free. */
  async takeAway (url: string): Promise<JsonObject> {
    const serialization = await this.serialization(url)
    await this.remove(url)
    return serialization
  }

  /** A whole tree as reads show it: fields of every object, its children below them. */
  async tree (url: string): Promise<JsonObject> {
    const fields = await this.get(url)
    const { children } = fields
    if (!Array.isArray(children)) return fields
    const below: Json[] = []
    for (const name of children) below.push(await this.tree(url + String(name).split('/').map(encodeURIComponent).join('/')))
    return { ...fields, children: below }
  }
}

function expected (answer: CdmiAnswer, status: number): JsonObject {
  if (answer.status !== status) throw new Error(`${answer.status} where ${status} was expected: ${answer.text}`)
  return answer.fields
}

/** What `deserializevalue` takes. */
export const inBase64 = (serialization: Json): string => Buffer.from(typeof serialization === 'string' ? serialization : JSON.stringify(serialization)).toString('base64')

/** Of a tree: without the items that every making makes anew, wherever they stand. */
export function withoutTimes (json: Json): Json {
  if (Array.isArray(json)) return json.map(withoutTimes)
  if (typeof json !== 'object' || json === null) return json
  return Object.fromEntries(Object.entries(json).filter(([name]) => !/^cdmi_([acm]time|[am]count)$/.test(name)).map(([name, value]) => [name, withoutTimes(value)]))
}
