/**
 * The servers that the URL of a database names. One of them is the primary: which one that is may change at any time, and only a
 * connection can tell. The one that was it last is asked first.
 */
export class DatabaseServers {
  readonly #urls: readonly [string, ...string[]]
  #next = 0

  constructor (urls: readonly [string, ...string[]]) {
    this.#urls = urls
  }

  get count (): number {
    return this.#urls.length
  }

  /** The one to connect to. */
  get current (): string {
    return this.#urls[this.#next] ?? this.#urls[0]
  }

  /** Whoever could not use it says so. Of many who find that out at the same time, one makes all of them turn to the next. */
  leave (url: string): void {
    if (url === this.current) this.#next = (this.#next + 1) % this.#urls.length
  }
}
