/** The change log of a store in memory, and those who follow it. */
import { EventEmitter, on } from 'node:events'
import type { JsonObject, LoggedEvent, Sequence } from '../contract.js'

export class MemoryLog {
  readonly #entries: Array<LoggedEvent & { readonly at: number }> = []
  readonly #changes = new EventEmitter().setMaxListeners(0)
  /** The last place that was given out. */
  last: Sequence = 0

  append (event: JsonObject): void {
    this.#entries.push({ sequence: ++this.last, event: structuredClone(event), at: Date.now() })
  }

  /** Each at its own place, behind the last one. */
  enter (entries: readonly LoggedEvent[]): void {
    for (const entry of entries) this.#entries.push({ ...entry, at: Date.now() })
    this.last = entries.at(-1)?.sequence ?? this.last
  }

  /** Followers are told that something was committed. */
  tell (): void {
    this.#changes.emit('commit')
  }

  after (after: Sequence, limit: number): LoggedEvent[] {
    return this.#entries.filter(({ sequence }) => sequence > after).slice(0, limit).map(({ sequence, event }) => ({ sequence, event }))
  }

  async * watch (after: Sequence, stop: AbortSignal): AsyncGenerator<LoggedEvent> {
    const commits = on(this.#changes, 'commit', { signal: stop })
    let last = after
    try {
      while (!stop.aborted) {
        for (const entry of this.after(last, 1000)) {
          yield entry
          last = entry.sequence
        }
        if (last >= this.last) await commits.next()
      }
    } catch (error) {
      if (!stop.aborted) throw error
    } finally {
      await commits.return?.()
    }
  }

  trim (olderThan: number, limit: number): number {
    let count = 0
    while (count < limit && (this.#entries[count]?.at ?? Infinity) < Date.now() - olderThan) count++
    this.#entries.splice(0, count)
    return count
  }
}
