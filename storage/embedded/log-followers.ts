/** Those who follow the change log: told of commits, or looking for those of other processes. */
import type { LoggedEvent, Sequence } from '../contract.js'

export interface LogFollowersOptions {
  /** Whether other processes commit too, without this one hearing of it. */
  readonly foreignCommits: boolean
  readonly isOpen: () => boolean
  readonly events: (after: Sequence, limit: number) => LoggedEvent[]
}

/** Entries of the log that a follower takes at a time. */
const page = 1000
/** Milliseconds after which the log is looked at for commits of other processes. */
const pollInterval = 200

export class LogFollowers {
  readonly #options: LogFollowersOptions
  readonly #waiting = new Set<() => void>()
  #commits = 0

  constructor (options: LogFollowersOptions) {
    this.#options = options
  }

  /** Something may have been committed. */
  wake (): void {
    this.#commits++
    for (const follower of this.#waiting) follower()
  }

  async * watch (after: Sequence, stop: AbortSignal): AsyncGenerator<LoggedEvent> {
    let last = after
    while (!stop.aborted) {
      const commits = this.#commits
      if (!this.#options.isOpen()) {
        await this.#nextCommit(stop)
        continue
      }
      const entries = this.#options.events(last, page)
      for (const entry of entries) {
        yield entry
        if (stop.aborted) return
        last = entry.sequence
      }
      if (entries.length === 0 && commits === this.#commits) await this.#nextCommit(stop)
    }
  }

  /** Resolves at the next commit, or when others may have committed, or when `stop` aborts. */
  async #nextCommit (stop: AbortSignal): Promise<void> {
    await new Promise<void>(resolve => {
      const timer = this.#options.foreignCommits ? setTimeout(() => { wake() }, pollInterval).unref() : undefined
      const wake = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(wake)
        stop.removeEventListener('abort', wake)
        resolve()
      }
      this.#waiting.add(wake)
      stop.addEventListener('abort', wake)
    })
  }
}
