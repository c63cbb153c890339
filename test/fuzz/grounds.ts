/** What is in the store while it is attacked: places where a case may do anything, and canaries that no case may touch. */
import { createHash } from 'node:crypto'
import { Agent, request } from 'undici'
import { places, type Grounds } from './cases.js'
import type { Place } from './draft.js'

export interface Target {
  readonly origin: string
  readonly authorization: string
}

const object = 'application/cdmi-object'
const container = 'application/cdmi-container'
const watched = '/canary-that-nobody-may-touch/'
const watchedKey = 'canary-that-nobody-may-touch'
const long = Buffer.alloc(300_000, 'canary ')

interface Question {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  readonly path: string
  readonly type?: string
  readonly accept?: string
  readonly partial?: string
  readonly body?: string | Buffer
}

interface Told { readonly status: number, readonly etag: string, readonly body: Buffer }

export class Field implements Grounds {
  readonly #target: Target
  readonly #dispatcher = new Agent({ connections: 16 })
  readonly #places = new Map<number, Place>()
  #canaries = new Map<string, string>()

  private constructor (target: Target) {
    this.#target = target
  }

  /** Makes canaries and places in an empty store. */
  static async lay (target: Target): Promise<Field> {
    const field = new Field(target)
    await field.#made({ method: 'PUT', path: watched, type: container, body: JSON.stringify({ metadata: { colour: 'yellow' } }) })
    await field.#made({ method: 'PUT', path: `${watched}text`, type: object, body: JSON.stringify({ mimetype: 'text/plain', metadata: { colour: 'yellow', nested: { deep: [1] } }, value: 'tweet' }) })
    await field.#made({ method: 'PUT', path: `${watched}json`, type: object, body: JSON.stringify({ valuetransferencoding: 'json', mimetype: 'application/json', value: { a: [1] } }) })
    await field.#made({ method: 'PUT', path: `${watched}long`, body: long })
    await field.#made({ method: 'PUT', path: `${watched}reference`, type: object, body: JSON.stringify({ reference: `${watched}text` }) })
    await field.#made({ method: 'POST', path: `/data/${watchedKey}`, type: 'application/json', body: '{"colour":"yellow"}' })
    await field.#made({ method: 'PUT', path: '/play/', body: '' })
    await Promise.all(Array.from({ length: places }, async (_, n) => { await field.restore(n) }))
    field.#canaries = await field.#look()
    return field
  }

  /** What would be done by whoever takes the hidden part of a request for another one. */
  get hidden (): Buffer {
    return Buffer.from(`DELETE ${watched}text HTTP/1.1\r\nHost: h\r\nAuthorization: ${this.#target.authorization}\r\nContent-Length: 0\r\n\r\n`)
  }

  place (number: number): Place {
    const place = this.#places.get(number)
    if (place === undefined) throw new Error(`there is no place ${number}`)
    return place
  }

  /** A place as it was at the beginning. */
  async restore (number: number): Promise<void> {
    const path = `/play/c${number}/`
    const key = `fuzz-${number}`
    const removed = await this.#ask({ method: 'DELETE', path })
    if (![204, 404, 302].includes(removed.status)) throw new Error(`${path} cannot be removed: ${removed.status} ${String(removed.body)}`)
    const place = await this.#made({ method: 'PUT', path, type: container, accept: container, body: '{"metadata":{"colour":"red"}}' })
    const [o, b] = await Promise.all([
      this.#made({ method: 'PUT', path: `${path}o`, type: object, accept: object, body: '{"mimetype":"text/plain","metadata":{"colour":"red"},"value":"Hello, world"}' }),
      this.#made({ method: 'PUT', path: `${path}b`, type: object, accept: object, body: JSON.stringify({ valuetransferencoding: 'base64', value: Buffer.alloc(100_000, 'b').toString('base64') }) }),
      this.#made({ method: 'PUT', path: `${path}j`, type: object, body: '{"mimetype":"application/json","valuetransferencoding":"json","value":{"a":[1,2]}}' }),
      this.#made({ method: 'PUT', path: `${path}r`, type: object, body: `{"reference":"${path}o"}` }),
      this.#made({ method: 'PUT', path: `${path}p`, partial: 'upload-id=first;count=9', body: 'the first of nine' }),
      this.#made({ method: 'PUT', path: `${path}sub/`, body: '' }).then(async () => await this.#made({ method: 'PUT', path: `${path}sub/x`, body: 'x' })),
      this.#ask({ method: 'DELETE', path: `/data/${key}` }).then(async () => await this.#made({ method: 'POST', path: `/data/${key}`, type: 'application/json', body: '{"name":"Ann"}' }))
    ])
    this.#places.set(number, { container: path, key, ids: { container: idOf(place), o: idOf(o), b: idOf(b) }, authorization: this.#target.authorization })
  }

  /** What is no longer as it was with the canaries, or cannot be read; nothing where nothing is. */
  async changed (): Promise<string[]> {
    const now = await this.#look()
    return [...this.#canaries].filter(([what, before]) => now.get(what) !== before).map(([what, before]) => `the canary ${what} was ${before}, and is ${now.get(what)}`)
  }

  /** Ends its own connections. */
  async leave (): Promise<void> {
    await this.#dispatcher.destroy()
  }

  /** Through each door. */
  async #look (): Promise<Map<string, string>> {
    const seen = new Map<string, string>()
    await Promise.all(([
      [`${watched}text`, undefined], [`${watched}text`, object], [`${watched}json`, object], [`${watched}long`, undefined], [`/cdmi/2.0.0${watched}long`, object], [`${watched}reference`, undefined],
      [watched, container], [watched, 'application/json'], [`/data/${watchedKey}`, undefined], [`/data/${watchedKey}`, object], [`/data?prefix=${watchedKey}`, undefined], ['/-/health', undefined]
    ] as const).map(async ([path, accept]) => {
      const { status, etag, body } = await this.#ask({ method: 'GET', path, ...accept !== undefined && { accept } })
      // When it was last read is for everybody to change; and the list of keys has a tag that changes with the store.
      const lasting = path === '/-/health' ? '' : body.toString('latin1').replace(/"cdmi_a(?:time|count)": ?"[^"]*",?/g, '')
      const tag = path.startsWith('/data?') ? '' : etag
      seen.set(`${path} as ${accept ?? 'it is'}`, `${status} ${tag} ${lasting.length > 400 ? createHash('sha256').update(lasting).digest('hex') : lasting}`)
    }))
    return seen
  }

  async #made (question: Question): Promise<Told> {
    const told = await this.#ask(question)
    if (told.status >= 300) throw new Error(`${question.method} ${question.path}: ${told.status} ${String(told.body)}`)
    return told
  }

  async #ask ({ method, path, type, accept, partial, body }: Question): Promise<Told> {
    const headers = { authorization: this.#target.authorization, ...type !== undefined && { 'content-type': type }, ...accept !== undefined && { accept }, ...partial !== undefined && { 'x-cdmi-partial': partial } }
    const answer = await request(this.#target.origin + path, { method, headers, dispatcher: this.#dispatcher, ...body !== undefined && { body } })
    return { status: answer.statusCode, etag: String(answer.headers['etag'] ?? ''), body: Buffer.from(await answer.body.arrayBuffer()) }
  }
}

function idOf ({ body }: Told): string {
  const [, id] = /"objectID": ?"([0-9A-F]+)"/.exec(body.toString()) ?? []
  if (id === undefined) throw new Error(`no object ID in ${String(body).slice(0, 200)}`)
  return id
}
