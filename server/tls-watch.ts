/** Certificates that are renewed while the server runs: new connections get the new one, those that are there go on. Each process looks for itself. */
import { Server as TlsServer } from 'node:tls'
import type { FastifyBaseLogger } from 'fastify'
import { stampOf } from '../plugins/users-file.js'
import type { ServerConfig } from '../schemas/config.js'
import { renewalOf, tlsFiles, tlsOptions, type ServerTls } from './tls.js'

/** Milliseconds between two looks at the files, and from a certificate that could not be renewed to the next attempt. */
const lookEvery = 10_000
const tryAgain = 3_600_000

export class TlsWatch {
  readonly #config: ServerConfig
  readonly #directory: string | undefined
  #stamp: string
  #renewal: number
  #timer: NodeJS.Timeout | undefined

  private constructor (readonly options: ServerTls | undefined, config: ServerConfig, directory: string | undefined, stamp: string) {
    this.#config = config
    this.#directory = directory
    this.#stamp = stamp
    this.#renewal = this.#renewalOf(options)
  }

  /** Reads the certificate for the first time. Throws ConfigError. */
  static async begin (config: ServerConfig, directory: string | undefined): Promise<TlsWatch> {
    // Before it is read: what changes meanwhile is seen then.
    const stamp = await stampOfAll(tlsFiles(config, directory))
    return new TlsWatch(await tlsOptions(config, directory), config, directory, stamp)
  }

  /** From now on the server gets what changes. */
  follow (server: unknown, log: FastifyBaseLogger): void {
    if (!(server instanceof TlsServer)) return
    let looking = false
    this.#timer = setInterval(() => {
      if (looking) return
      looking = true
      this.look(server, log).catch((error: unknown) => { log.error({ err: error }, unchanged) }).finally(() => { looking = false })
    }, lookEvery).unref()
  }

  /** Looks at the files, and takes what has changed. A certificate whose key has not come yet is no reason to stop: the one before goes on to count. */
  async look (server: TlsServer, log: FastifyBaseLogger): Promise<void> {
    const stamp = await stampOfAll(tlsFiles(this.#config, this.#directory))
    if (stamp === this.#stamp && Date.now() < this.#renewal) return
    this.#stamp = stamp
    this.#renewal = Date.now() + tryAgain
    try {
      const options = await tlsOptions(this.#config, this.#directory)
      if (options === undefined) return
      server.setSecureContext(options)
      this.#renewal = this.#renewalOf(options)
      log.info('the certificate was read anew')
    } catch (error) {
      log.error({ err: error }, unchanged)
    }
  }

  stop (): void {
    clearInterval(this.#timer)
  }

  /** Somebody else renews a certificate that was given. */
  #renewalOf (options: ServerTls | undefined): number {
    return options === undefined || this.#config.tls !== 'self-signed' ? Infinity : renewalOf(options)
  }
}

const unchanged = 'the new certificate cannot be used; the one before goes on to count'

async function stampOfAll (files: readonly string[]): Promise<string> {
  return (await Promise.all(files.map(stampOf))).join()
}
