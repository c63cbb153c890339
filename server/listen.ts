/** Where the server listens. `localhost` is both loopback addresses, and all their connections belong to one server. */
import { createServer, type AddressInfo, type Server as NetServer, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

export interface ListenOptions {
  readonly host: string
  readonly port: number
}

/** What the system says where there is no IPv6. */
const withoutSixth: readonly (string | undefined)[] = ['EADDRNOTAVAIL', 'EAFNOSUPPORT']

export class Listener {
  readonly #app: FastifyInstance
  #sixth: NetServer | undefined
  #serving = false

  constructor (app: FastifyInstance) {
    this.#app = app
  }

  /** Whether anybody can have come. */
  get isServing (): boolean {
    return this.#serving
  }

  /** Answers the URL that a user may type. Rejects with the system's error (`EADDRINUSE`, `EACCES` …). */
  async listen ({ host, port }: ListenOptions): Promise<string> {
    await this.#app.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port, listenTextResolver: address => `listening at ${address}` })
    const { port: actual } = this.#app.server.address() as AddressInfo
    if (host === 'localhost') await this.#listenOnSixth(actual, port === 0)
    this.#serving = true
    const scheme = this.#app.initialConfig.https === undefined ? 'http' : 'https'
    const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host
    return `${scheme}://${name}:${actual}`
  }

  /** Not one more connection; those that are there live on. */
  stop (): void {
    this.#app.server.close()
    this.#sixth?.close()
  }

  /**
   * Fastify would make a second server for ::1, without the listeners (upgrades, 100-continue, drain) that the first one has.
   * Here it is a mere socket that hands its connections over. A machine without IPv6 has none. A port that somebody else has there is
   * an error, for he would get half of our clients; but not when the system chose it, looking at 127.0.0.1 only.
   */
  async #listenOnSixth (port: number, chosen: boolean): Promise<void> {
    const sixth = createServer({ allowHalfOpen: true, noDelay: true }, (socket: Socket) => { this.#app.server.emit('connection', socket) })
    const failure = await new Promise<NodeJS.ErrnoException | undefined>(resolve => {
      sixth.once('error', resolve)
      sixth.listen({ host: '::1', port }, () => { resolve(undefined) })
    })
    if (failure === undefined) this.#sixth = sixth
    else if (!withoutSixth.includes(failure.code) && !(chosen && failure.code === 'EADDRINUSE')) throw failure
  }
}
