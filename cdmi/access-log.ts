/**
 * How often objects are used, and when last (MET-12, MET-14). Gathered in memory and written in batches: no read waits for a write. What was
 * gathered last is lost when the process is killed.
 */
import type { Accesses, ObjectID, Store } from '../storage/contract.js'
import { now } from './instant.js'

/** Milliseconds between two batches. */
const interval = 5000
/** Objects after which they are written at once. */
const longestBatch = 10_000
/** Objects that are kept for a store that takes none, or takes long; uses of others are lost then. */
const mostGathered = 2 * longestBatch
/** Objects that are written in one go: whoever else wants to write waits for no more. */
const atOnce = 500

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const logs = new WeakMap<Store, AccessLog>()

export class AccessLog {
  readonly #store: Store
  readonly #gathered = new Map<ObjectID, Mutable<Accesses>>()
  /** On its way to the store: still to be added to what it says. */
  #writing: ReadonlyMap<ObjectID, Accesses> = new Map()
  /** Rises when one begins and when one ends. */
  #batches = 0
  /** When all that was to be written is; never rejects. */
  #written: Promise<void> = Promise.resolve()
  /** A batch has begun by itself, and is not over. */
  #busy = false
  #refused = false
  #timer: NodeJS.Timeout | undefined

  private constructor (store: Store) {
    this.#store = store
  }

  /** One per store, whichever of its doors is used. */
  static of (store: Store): AccessLog {
    const known = logs.get(store)
    if (known !== undefined) return known
    const log = new AccessLog(store)
    logs.set(store, log)
    return log
  }

  /** The object is being used. */
  note (id: ObjectID): void {
    const before = this.#gathered.get(id)
    if (before === undefined) {
      if (this.#gathered.size < mostGathered) this.#gathered.set(id, { count: 1, last: now() })
    } else {
      before.count++
      before.last = now()
    }
    // Never two at once: to a store that takes long they would be a queue without an end. One that has taken nothing is asked again after a while.
    if (this.#gathered.size >= longestBatch && !this.#busy && !this.#refused) this.#begin()
    else this.#beginLater()
  }

  #beginLater (): void {
    // Not what keeps a process alive: the application says when it ends.
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      if (this.#busy) this.#beginLater()
      else this.#begin()
    }, interval).unref()
  }

  /** All that is known of an object, written or not; at once where the store says it at once. */
  of (id: ObjectID): Accesses | Promise<Accesses> {
    const stored = this.#store.meta.accesses(id)
    return stored instanceof Promise ? this.#sum(id, stored) : this.#withNotes(id, stored)
  }

  async #sum (id: ObjectID, asked: Promise<Accesses | undefined>): Promise<Accesses> {
    for (let answer: Accesses | undefined | Promise<Accesses | undefined> = asked; ; answer = this.#store.meta.accesses(id)) {
      const batches = this.#batches
      const stored = await answer
      // A batch that was on its way meanwhile may be counted in both places, or in none.
      if (batches === this.#batches) return this.#withNotes(id, stored)
    }
  }

  #withNotes (id: ObjectID, stored: Accesses | undefined): Accesses {
    return sumOf([stored, this.#gathered.get(id), this.#writing.get(id)])
  }

  /** Writes what was gathered. Rejects when the store cannot take it: then it is gathered still. */
  async flush (): Promise<void> {
    const flushed = this.#written.then(async () => { await this.#flush() })
    this.#written = flushed.catch(() => {})
    await flushed
  }

  async #flush (): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    // Not what comes meanwhile: that would have no end. In the order of their IDs, for that is how stores keep them: objects of one page of an index are written together.
    const ids = [...this.#gathered.keys()].sort()
    for (let at = 0; at < ids.length; at += atOnce) await this.#write(ids.slice(at, at + atOnce))
  }

  async #write (ids: readonly ObjectID[]): Promise<void> {
    const batch = this.#writing = new Map<ObjectID, Accesses>()
    for (const id of ids) {
      const accesses = this.#gathered.get(id)
      if (accesses !== undefined) batch.set(id, accesses)
      this.#gathered.delete(id)
    }
    this.#batches++
    try {
      await this.#store.meta.noteAccesses(batch)
    } catch (error) {
      for (const [id, { count, last }] of batch) {
        const later = this.#gathered.get(id)
        this.#gathered.set(id, { count: count + (later?.count ?? 0), last: Math.max(last, later?.last ?? 0) })
      }
      throw error
    } finally {
      this.#writing = new Map()
      this.#batches++
    }
  }

  #begin (): void {
    this.#busy = true
    // A store that is full or away takes them with a later batch.
    this.flush().then(() => { this.#refused = false }, () => { this.#refused = true }).finally(() => { this.#busy = false })
  }
}

function sumOf (parts: ReadonlyArray<Accesses | undefined>): Accesses {
  let sum: Accesses = { count: 0, last: 0 }
  for (const part of parts) if (part !== undefined) sum = { count: sum.count + part.count, last: Math.max(sum.last, part.last) }
  return sum
}
