/** A scratch container on the server, and hands to work in it. One case has one of its own. */
import { randomBytes } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { Answer } from './answer.js'
import { answers, type Fields, same, textIn } from './expect.js'
import type { MultipartBody } from './multipart.js'
import type { Server } from './server.js'

export type Headers = Readonly<Record<string, string>>
type Body = object | string

/** Media types of CDMI. */
export const cdmi = {
  object: 'application/cdmi-object',
  container: 'application/cdmi-container',
  capability: 'application/cdmi-capability',
  queue: 'application/cdmi-queue',
  domain: 'application/cdmi-domain'
} as const

/** 'base64' of the text. */
export const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64')

/**
 * Names are relative to the scratch container; those that begin with a slash, to the root URI; absolute URIs of the
 * server are taken, too. All may have a query. A name with a slash at its end is a container's.
 */
export class Target {
  readonly #server: Server
  readonly #container: string
  readonly #headers: Headers
  readonly #withoutPath: Set<string>

  constructor (server: Server, container = `conformance-${randomBytes(8).toString('hex')}`, headers: Headers = server.credentials, withoutPath = new Set<string>()) {
    this.#server = server
    this.#container = container
    this.#headers = headers
    this.#withoutPath = withoutPath
  }

  get server (): Server { return this.#server }

  /** Root-relative path of a name, as it stands in JSON fields: `/scratch/name`. */
  at (name: string): string {
    return name.startsWith('/') ? name : `/${this.#container}/${name}`
  }

  /** The path that a request for it has. */
  path (name: string): string {
    if (/^https?:/.test(name)) return name.replace(/^https?:\/\/[^/]*/, '')
    return this.#server.rootPath + this.at(name).slice(1)
  }

  /** Its absolute URI. */
  uri (name: string): string {
    return this.#server.origin + this.path(name)
  }

  /** The same container, asked by a client of CDMI 1.x. */
  as1x (version = '1.1.1'): Target {
    return this.with({ 'x-cdmi-specification-version': version })
  }

  /** The same container, every request with these headers, too. */
  with (headers: Headers): Target {
    return new Target(this.#server, this.#container, { ...this.#headers, ...headers }, this.#withoutPath)
  }

  /** The same container, asked by somebody without credentials, or with these. */
  withCredentials (authorization?: string): Target {
    return new Target(this.#server, this.#container, authorization === undefined ? {} : { authorization }, this.#withoutPath)
  }

  async plain (method: string, name: string, body?: Buffer | string | Readable, headers: Headers = {}): Promise<Answer> {
    const answer = await this.#server.send({ method, path: this.path(name), headers: { ...this.#headers, ...headers }, body })
    if (method === 'POST' && answer.status < 300 && typeof answer.headers.location === 'string' && answer.headers.location.includes('/cdmi_objectid/')) this.#withoutPath.add(answer.headers.location)
    return answer
  }

  async put (name: string, body: Body = {}, headers: Headers = {}): Promise<Answer> {
    return await this.plain('PUT', name, textOf(body), { 'content-type': typeOf(name), ...headers })
  }

  async patch (name: string, body: Body, headers: Headers = {}): Promise<Answer> {
    return await this.plain('PATCH', name, textOf(body), { 'content-type': typeOf(name), ...headers })
  }

  /** A CDMI data object to be made in a container, or by ID alone. */
  async post (name: string, body: Body, headers: Headers = {}): Promise<Answer> {
    return await this.plain('POST', name, textOf(body), { 'content-type': cdmi.object, ...headers })
  }

  async parts (method: string, name: string, { type, body }: MultipartBody, headers: Headers = {}): Promise<Answer> {
    return await this.plain(method, name, body, { 'content-type': type, ...headers })
  }

  async get (name: string, accept: string = typeOf(name), headers: Headers = {}): Promise<Answer> {
    return await this.plain('GET', name, undefined, { accept, ...headers })
  }

  async delete (name: string): Promise<Answer> {
    return await this.plain('DELETE', name)
  }

  /** Makes it by CDMI; the fields of the answer. */
  async make (name: string, body: Body = {}): Promise<Fields> {
    return answers(await this.put(name, body), 201).fields
  }

  /** Makes it by plain HTTP. */
  async store (name: string, value: Buffer | string, type?: string): Promise<void> {
    answers(await this.plain('PUT', name, value, type === undefined ? {} : { 'content-type': type }), 201)
  }

  /** Changes it by CDMI. */
  async change (name: string, body: Body): Promise<void> {
    answers(await this.patch(name, body), 204)
  }

  /** The CDMI form. */
  async fields (name: string): Promise<Fields> {
    const answer = answers(await this.get(name), 200)
    same(answer.type, typeOf(name), `Content-Type of ${answer.request}`)
    return answer.fields
  }

  /** The value by plain HTTP, as text. */
  async value (name: string): Promise<string> {
    return (await this.bytes(name)).toString()
  }

  async bytes (name: string): Promise<Buffer> {
    return answers(await this.plain('GET', name), 200).bytes
  }

  async objectID (name: string): Promise<string> {
    return textIn(await this.fields(name), 'objectID')
  }

  async missing (name: string): Promise<void> {
    answers(await this.get(name), 404)
  }

  /** Makes the scratch container. */
  async open (): Promise<void> {
    const plain = await this.plain('PUT', '')
    if (plain.status !== 201) answers(await this.put(''), 201, 'the scratch container')
  }

  /** Deletes the scratch container and what the case made by ID alone, as far as the server lets it: what it cannot delete, cases about deleting show. */
  async close (): Promise<void> {
    await Promise.allSettled(['', ...this.#withoutPath].map(async name => await this.delete(name)))
  }
}

function textOf (body: Body): string {
  return typeof body === 'string' ? body : JSON.stringify(body)
}

/** Which CDMI type a name is of. */
function typeOf (name: string): string {
  const path = name.replace(/\?.*/s, '')
  if (path.includes('/cdmi_capabilities/')) return cdmi.capability
  return path === '' || path.endsWith('/') ? cdmi.container : cdmi.object
}
