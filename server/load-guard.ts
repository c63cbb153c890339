/**
 * Refuses work before there is too much of it (503 with Retry-After), requests and messages of sockets: uploads when so many are under way, or so many of their bytes, and everything when
 * the event loop is late. A request without a body costs a look at a flag.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { withHeaders } from '../cdmi/describe-error.js'
import { Overloaded } from '../cdmi/errors.js'
import { whenAnswered } from '../routes/http/answer-end.js'
import type { LoadConfig } from '../schemas/config.js'
import { bringsBody } from './brings-body.js'
import { CountedRequest } from './counted-request.js'

/** Milliseconds between two looks at the event loop, and between two lines in the log. */
const lookEvery = 250
const tellEvery = 10_000

export class LoadGuard {
  readonly #most: Required<Omit<LoadConfig, 'connections'>>
  readonly #warn: (message: string) => void
  readonly #timer: NodeJS.Timeout | undefined
  #uploads = 0
  #bytes = 0
  /** How often in succession the event loop was late. */
  #late = 0
  #refused = 0
  #toldAt = -Infinity

  constructor ({ uploads = 1000, uploadBytes = 0, loopDelay = 2000 }: LoadConfig, warn: (message: string) => void) {
    this.#most = { uploads, uploadBytes, loopDelay }
    this.#warn = warn
    this.#timer = loopDelay === 0 ? undefined : this.#watch()
  }

  /** Requests, messages, connections and sockets that were refused since the start. */
  get refused (): number {
    return this.#refused
  }

  /** Takes a request in; or answers why not. The server's own pages (health, metrics) are for whoever wants to know what is wrong. */
  admit (request: IncomingMessage, response: ServerResponse): Error | undefined {
    const refusal = request.url?.startsWith('/-/') === true ? undefined : this.#lateness()
    if (refusal !== undefined || !bringsBody(request)) return refusal
    const full = this.#fullness()
    if (full !== undefined) return full
    this.#uploads++
    const forget = this.#most.uploadBytes > 0 ? this.#counted(request) : undefined
    whenAnswered(response, () => {
      this.#uploads--
      forget?.()
    })
    return undefined
  }

  /**
   * Takes a message of a socket in; or answers why not. `brings`: something to be stored. It has come whole, and is short, so that it is no upload under way; but where
   * no other upload may begin it must wait, too.
   */
  admitMessage (brings: boolean): Error | undefined {
    return this.#lateness() ?? (brings ? this.#fullness() : undefined)
  }

  /** A connection was refused. */
  connectionRefused (): void {
    this.#tell('there are too many connections')
  }

  /** A socket was refused. */
  socketRefused (): void {
    this.#tell('there are too many sockets (limits.sockets)')
  }

  /** `milliseconds`: by how much the event loop was late. Once says little: a machine that slept is late, too. */
  looked (milliseconds: number): void {
    this.#late = milliseconds > this.#most.loopDelay ? this.#late + 1 : 0
  }

  stop (): void {
    clearInterval(this.#timer)
  }

  #watch (): NodeJS.Timeout {
    let due = performance.now() + lookEvery
    return setInterval(() => {
      const now = performance.now()
      this.looked(now - due)
      due = now + lookEvery
    }, lookEvery).unref()
  }

  #lateness (): Error | undefined {
    return this.#late > 1 ? this.#refuse('The server is busy and late with its answers') : undefined
  }

  #fullness (): Error | undefined {
    const { uploads, uploadBytes } = this.#most
    if (uploads > 0 && this.#uploads >= uploads) return this.#refuse(`The server works on ${uploads} uploads, as many as it takes at once (load.uploads)`)
    if (uploadBytes > 0 && this.#bytes >= uploadBytes) return this.#refuse(`The uploads under way have ${uploadBytes} bytes or more, as many as the server takes at once (load.uploadBytes)`)
    return undefined
  }

  #refuse (reason: string): Error {
    this.#tell(reason)
    return withHeaders(new Overloaded(reason), { 'retry-after': '1' })
  }

  /** One line for many: a log that grows with the load would add to it. */
  #tell (reason: string): void {
    this.#refused++
    const now = performance.now()
    if (now - this.#toldAt < tellEvery) return
    this.#toldAt = now
    this.#warn(`requests are refused: ${reason}; ${this.#refused} since the start`)
  }

  /** Counts the bytes of a body as they come in. Announced ones do not count: to announce costs nothing. Answers what forgets them, and does not count what comes afterwards to be dropped. */
  #counted (request: IncomingMessage): () => void {
    let bytes = 0
    if (request instanceof CountedRequest) {
      request.onReceived = length => {
        bytes += length
        this.#bytes += length
      }
    }
    return () => {
      if (request instanceof CountedRequest) request.onReceived = undefined
      this.#bytes -= bytes
    }
  }
}
