/** The server that is tested, as a client sees it: a root URI, and who asks. */
import { once } from 'node:events'
import { connect as connectClear } from 'node:net'
import type { Readable } from 'node:stream'
import { connect as connectSecure } from 'node:tls'
import { Pool } from 'undici'
import { Answer } from './answer.js'
import { holds } from './expect.js'

export interface ServerOptions {
  /** URI of the root container. */
  readonly root: string
  readonly user?: string | undefined
  readonly password?: string | undefined
}

export interface Request {
  readonly method: string
  /** Path with query, exactly as it is to be sent. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Buffer | string | Readable | undefined
}

const patience = 15_000

export interface ExchangeOptions {
  /** The connection is cut off when all is sent. */
  readonly cut?: boolean
  /** Sent when something has come back. */
  readonly afterwards?: string
}

export class Server {
  /** Ends in a slash. */
  readonly root: string
  readonly origin: string
  /** Path of the root container, with a slash at both ends. */
  readonly rootPath: string
  readonly user: string | undefined
  readonly #authorization: string | undefined
  readonly #pool: Pool

  constructor ({ root, user, password = '' }: ServerOptions) {
    const { origin, pathname } = new URL(root)
    this.origin = origin
    this.rootPath = pathname.endsWith('/') ? pathname : `${pathname}/`
    this.root = origin + this.rootPath
    this.user = user
    this.#authorization = user === undefined ? undefined : `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
    this.#pool = new Pool(origin, { connections: 16, headersTimeout: patience, bodyTimeout: patience, connect: { rejectUnauthorized: false } })
  }

  get credentials (): Readonly<Record<string, string>> {
    return this.#authorization === undefined ? {} : { authorization: this.#authorization }
  }

  /** Sends with the headers given and no others, follows nothing. */
  async send ({ method, path, headers, body }: Request): Promise<Answer> {
    const name = `${method} ${path}`
    const request = { method, path, headers, ...body !== undefined && { body } }
    const answer = await this.#pool.request(request).catch((error: unknown) => {
      holds(false, `${name} was not answered: ${error instanceof Error ? error.message : String(error)}`)
    })
    return new Answer(name, answer.statusCode, answer.headers, Buffer.from(await answer.body.arrayBuffer()))
  }

  /** Bytes as they are over a connection of their own; all that comes until it is closed. */
  async exchange (bytes: Buffer | string, { cut = false, afterwards }: ExchangeOptions = {}): Promise<string> {
    const { protocol, hostname, port } = new URL(this.origin)
    const host = hostname.replace(/^\[|\]$/g, '')
    const socket = protocol === 'https:'
      ? connectSecure({ host, port: Number(port === '' ? 443 : port), rejectUnauthorized: false })
      : connectClear({ host, port: Number(port === '' ? 80 : port) })
    const received: Buffer[] = []
    socket.on('data', (chunk: Buffer) => { received.push(chunk) })
    // A connection that the server resets has ended, too: what came before counts.
    socket.on('error', () => {})
    socket.setTimeout(patience, () => { socket.destroy() })
    await once(socket, protocol === 'https:' ? 'secureConnect' : 'connect')
    await new Promise<void>(resolve => { socket.write(bytes, () => { resolve() }) })
    if (cut) socket.destroy()
    if (afterwards !== undefined) {
      if (received.length === 0) await Promise.race([once(socket, 'data'), once(socket, 'close')])
      socket.write(afterwards)
    }
    if (!socket.closed) await once(socket, 'close')
    return Buffer.concat(received).toString('latin1')
  }

  /** The head of a request for `exchange`, with the credentials, without the empty line at its end. */
  head (method: string, path: string, ...lines: string[]): string {
    const given = Object.entries(this.credentials).map(([name, value]) => `${name}: ${value}`)
    return [`${method} ${path} HTTP/1.1`, `Host: ${new URL(this.origin).host}`, ...given, ...lines].join('\r\n') + '\r\n'
  }

  async close (): Promise<void> {
    await this.#pool.close()
  }
}
