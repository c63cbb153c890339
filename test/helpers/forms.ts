/** The plain HTTP door with forms over a store in memory, on a real port, and hands to build forms by. */
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { Test } from 'tap'
import { Cdmi } from '../../cdmi/model.js'
import type { Principal } from '../../cdmi/principal.js'
import type { CdmiOptions } from '../../schemas/options.js'
import type { Store } from '../../storage/contract.js'
import { openMemoryStore } from '../../storage/memory/memory-store.js'
import errors from '../../plugins/errors.js'
import plain from '../../routes/plain.js'
import { at } from './model.js'

export const admin: Principal = { name: 'admin', authentication: 'basic', access: 'write' }

export interface Door {
  readonly app: FastifyInstance
  readonly model: Cdmi
  /** Scheme, host and port. */
  readonly origin: string
  readonly port: number
}

export interface DoorOptions extends CdmiOptions {
  readonly prefix?: string
  readonly principal?: Principal
  readonly store?: Store
  readonly server?: FastifyServerOptions
}

/** A listening server with the container `/c/`; it closes with the test. */
export async function openDoor (t: Pick<Test, 'teardown'>, { prefix = '', principal = admin, store = openMemoryStore(), server = {}, ...options }: DoorOptions = {}): Promise<Door> {
  const app = fastify(server as object)
  const model = new Cdmi(store, options.limits?.value === undefined ? {} : { value: options.limits.value })
  await model.containers.create(admin, at('/c/'))
  await app.register(async scope => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => { done(null) })
    scope.decorate('cdmi', model)
    scope.decorate('cdmiOptions', options)
    scope.decorateRequest('principal')
    scope.addHook('onRequest', async request => { request.principal = principal })
    await scope.register(errors)
    await scope.register(plain)
  }, { prefix })
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(async () => {
    app.server.closeAllConnections()
    await app.close()
  })
  const { port } = app.server.address() as AddressInfo
  return { app, model, port, origin: `http://127.0.0.1:${port}` }
}

/** Names of the children of a container, straight from the model. */
export async function childrenOf (model: Cdmi, path: string): Promise<string[]> {
  const names: string[] = []
  for await (const page of (await model.containers.list(admin, at(path))).pages) names.push(...page.map(({ name }) => name))
  return names
}

export interface RawPart {
  /** Header lines, without line breaks at their ends. */
  readonly head: readonly string[]
  readonly body: string | Uint8Array
}

/** A part for a file with these exact characters between the quotes. */
export function filePart (fileName: string, body: string | Uint8Array, type = 'text/plain'): RawPart {
  return { head: [`Content-Disposition: form-data; name="file"; filename="${fileName}"`, `Content-Type: ${type}`], body }
}

export function fieldPart (name: string, value: string): RawPart {
  return { head: [`Content-Disposition: form-data; name="${name}"`], body: value }
}

export function formBody (parts: readonly RawPart[], boundary = 'xyz'): Buffer {
  const pieces: Uint8Array[] = []
  for (const { head, body } of parts) pieces.push(Buffer.from(`--${boundary}\r\n${head.join('\r\n')}\r\n\r\n`), Buffer.from(body), Buffer.from('\r\n'))
  return Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)])
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: { objects: Record<string, unknown>[], message?: string }
}

/** Posts bytes as a form. */
export async function postForm (url: string, body: Uint8Array, { boundary = 'xyz', headers = {} }: { boundary?: string, headers?: Record<string, string> } = {}): Promise<Answer> {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, ...headers }, body: Buffer.from(body), redirect: 'manual' })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: text.startsWith('{') ? JSON.parse(text) : { objects: [] } }
}

/** Sends bytes as they are on a connection of their own; answers all that came back until its end. */
export async function exchange (port: number, ...pieces: ReadonlyArray<string | Uint8Array>): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => { text += chunk }).on('error', () => {})
  for (const piece of pieces) {
    socket.write(piece)
    // Each piece is to arrive by itself.
    await new Promise(resolve => setImmediate(resolve))
  }
  await once(socket, 'close')
  return text
}
