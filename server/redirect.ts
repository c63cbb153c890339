/** A second port for those who begin with HTTP: nothing is served there, every request is sent on to HTTPS (GEN-38). */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { validHost } from '../plugins/sound-request.js'
import type { ServerConfig } from '../schemas/config.js'
import { ConfigError } from './config-sources.js'
import { limitConnections } from './connection-limit.js'

/** Milliseconds that a client has for all of its request, and between two looks for those that are late. */
const patience = 10_000
const look = 1000
/** In every answer. */
const plain = { connection: 'close', 'content-length': '0', 'x-content-type-options': 'nosniff' }

export class Redirect {
  readonly #config: ServerConfig
  readonly #refused: () => void
  readonly #servers: Server[] = []
  readonly #origin: string | undefined

  /** `refused` is told of each connection that is one too many. Throws ConfigError. */
  constructor (config: ServerConfig, refused: () => void) {
    this.#config = config
    this.#refused = refused
    const { redirectTo: to, redirectPort } = config
    if (to !== undefined && redirectPort === undefined) throw new ConfigError('Requests in clear are to be sent on (redirectTo), but there is no port where they come in (redirectPort)')
    this.#origin = to === undefined ? undefined : originOf(to)
  }

  /** Begins to listen, if there is a port for it; answers which. `target`: the port of the server. */
  async listen (host: string, target: number): Promise<number | undefined> {
    const { redirectPort: port } = this.#config
    if (port === undefined) return undefined
    const actual = await this.#listen(host === 'localhost' ? '127.0.0.1' : host, port, target)
    // A machine without IPv6 has no such address.
    if (host === 'localhost') await this.#listen('::1', actual, target).catch(() => {})
    return actual
  }

  /** Not one more connection; nobody waits there for anything that takes long. */
  stop (): void {
    for (const server of this.#servers) {
      server.close()
      server.closeAllConnections()
    }
  }

  async #listen (host: string, port: number, target: number): Promise<number> {
    const server = createServer({ requestTimeout: patience, headersTimeout: patience, connectionsCheckingInterval: look }, (request, response) => { this.#answer(request, response, target) })
    limitConnections(server, this.#config.load?.connections ?? 10_000, this.#refused)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port }, () => { resolve() })
    })
    this.#servers.push(server)
    return (server.address() as AddressInfo).port
  }

  #answer ({ url = '/', headers }: IncomingMessage, response: ServerResponse, target: number): void {
    const host = headers.host ?? ''
    const path = pathOf(url)
    if (path === undefined || (this.#origin === undefined && (host === '' || !validHost.test(host)))) {
      response.writeHead(400, plain).end()
      return
    }
    const origin = this.#origin ?? `https://${host.replace(/:\d*$/, '')}${target === 443 ? '' : `:${target}`}`
    response.writeHead(308, { location: origin + path, ...plain }).end()
  }
}

/** Of an origin, or of an absolute URI, only what is a path; undefined for what is none (`*`). Nothing in it can end a header field. */
function pathOf (url: string): string | undefined {
  const path = url.replace(/^https?:\/\/[^/?#]*/i, '')
  const rooted = path === '' || path.startsWith('?') ? `/${path}` : path
  return rooted.startsWith('/') ? rooted.replace(/[^\x21-\x7e]/g, character => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`) : undefined
}

function originOf (text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'https:' || url.origin !== text.replace(/\/$/, '').toLowerCase()) throw new ConfigError('The option redirectTo is not an origin such as https://files.example.org')
  return url.origin
}
