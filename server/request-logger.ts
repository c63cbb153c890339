/**
 * The logger of one request, made when it has something to say: most requests have one line, at their end, and to make a child of the server's logger for
 * it costs more than the line.
 */
import type { FastifyBaseLogger } from 'fastify'
import type { Bindings, ChildLoggerOptions } from 'pino'

export class RequestLogger implements FastifyBaseLogger {
  readonly #server: FastifyBaseLogger
  readonly #bindings: Bindings
  readonly #options: ChildLoggerOptions
  #child: FastifyBaseLogger | undefined

  constructor (server: FastifyBaseLogger, bindings: Bindings, options: ChildLoggerOptions) {
    this.#server = server
    this.#bindings = bindings
    this.#options = options
  }

  /** The logger that has all that goes with each of its lines. */
  get #own (): FastifyBaseLogger {
    this.#child ??= this.#server.child(this.#bindings, this.#options)
    return this.#child
  }

  /** A line that says itself of which request it is: it needs no child, unless that has a level of its own. */
  ofRequest (line: object, message: string): void {
    if (this.#options.level === undefined) this.#server.info(line, message)
    else this.#own.info({ ...line, reqId: undefined }, message)
  }

  get level (): FastifyBaseLogger['level'] { return this.#own.level }
  set level (level) { this.#own.level = level }

  child (bindings: Bindings, options?: ChildLoggerOptions): FastifyBaseLogger { return this.#own.child(bindings, options) }

  fatal (...line: unknown[]): void { Reflect.apply(this.#own.fatal, this.#own, line) }
  error (...line: unknown[]): void { Reflect.apply(this.#own.error, this.#own, line) }
  warn (...line: unknown[]): void { Reflect.apply(this.#own.warn, this.#own, line) }
  info (...line: unknown[]): void { Reflect.apply(this.#own.info, this.#own, line) }
  debug (...line: unknown[]): void { Reflect.apply(this.#own.debug, this.#own, line) }
  trace (...line: unknown[]): void { Reflect.apply(this.#own.trace, this.#own, line) }
  silent (...line: unknown[]): void { Reflect.apply(this.#own.silent, this.#own, line) }
}
