/**
 * The leases of one process. Operations share one; it is changed for a new one from time to time, and closed when its last
 * operation has ended, so that the sweeper finds what failed uploads left under it.
 */
import { v7 } from 'uuid'
import type { BlobID, Lease, LeaseID } from './contract.js'

export interface LeaseRecords {
  openLease (lease: LeaseID): Promise<void>
  closeLease (lease: LeaseID): Promise<void>
}

interface Held {
  readonly id: LeaseID
  readonly since: number
  operations: number
  /** Files may lie under it that no operation will ever commit. */
  littered: boolean
  /** A commit under it was given up and may still come. */
  doubted: boolean
  retired: boolean
}

export class LeaseKeeper {
  readonly #records: LeaseRecords
  readonly #report: (error: unknown, doing: string) => void
  readonly #retired = new Set<Held>()
  #current: Held
  readonly #abandoned = new Set<BlobID>()
  #closing: Promise<void> = Promise.resolve()
  #opening: Promise<Held> | undefined

  private constructor (records: LeaseRecords, report: (error: unknown, doing: string) => void, first: Held) {
    this.#records = records
    this.#report = report
    this.#current = first
  }

  static async start (records: LeaseRecords, report: (error: unknown, doing: string) => void): Promise<LeaseKeeper> {
    return new LeaseKeeper(records, report, await open(records))
  }

  /** The lease of an operation that begins now. */
  take (): Lease {
    const held = this.#current
    held.operations++
    let released = false
    return {
      id: held.id,
      release: (abandoned = []) => {
        if (released) return
        released = true
        held.operations--
        // Where a commit may still come, only the closing of the lease makes sure that it names none of them.
        if (!held.doubted) for (const blob of abandoned) this.#abandoned.add(blob)
        if (held.retired) this.#closeIdle()
      }
    }
  }

  /** Notes that a file without an owner lies under the lease. */
  litter (lease: LeaseID): void {
    for (const held of [this.#current, ...this.#retired]) if (held.id === lease) held.littered = true
  }

  /** Notes that a commit under the lease was given up, and nobody knows whether it will be made: what it names is left until the lease is closed. */
  doubt (lease: LeaseID): void {
    for (const held of [this.#current, ...this.#retired]) if (held.id === lease) held.littered = held.doubted = true
  }

  /** Shows the blobs that operations gave up; they are forgotten when that went well, else shown again the next time. */
  async showAbandoned<T> (look: (blobs: readonly BlobID[]) => Promise<T>): Promise<T> {
    const blobs = [...this.#abandoned]
    const result = await look(blobs)
    for (const blob of blobs) this.#abandoned.delete(blob)
    return result
  }

  /** Changes to a new lease when the current one is littered or older than this; resolves when every idle old one is closed. */
  async rotate (duration: number): Promise<void> {
    const old = this.#current
    if (old.littered || performance.now() - old.since >= duration) {
      this.#opening ??= open(this.#records).finally(() => { this.#opening = undefined })
      const fresh = await this.#opening
      if (this.#current === old) {
        this.#current = fresh
        old.retired = true
        this.#retired.add(old)
      }
    }
    this.#closeIdle()
    await this.#closing
  }

  /** Closes all leases, whatever still runs under them: its commits will be refused. */
  async close (): Promise<void> {
    for (const held of [this.#current, ...this.#retired]) await this.#records.closeLease(held.id)
    this.#retired.clear()
  }

  /** All leases of this process that are not closed. */
  ids (): LeaseID[] {
    return [this.#current, ...this.#retired].map(({ id }) => id)
  }

  #closeIdle (): void {
    this.#closing = this.#closing.then(async () => {
      for (const held of this.#retired) {
        if (held.operations > 0) continue
        try {
          await this.#records.closeLease(held.id)
          this.#retired.delete(held)
        } catch (error) {
          // Tried again at the next rotation.
          this.#report(error, `closing lease ${held.id}`)
        }
      }
    })
  }
}

async function open (records: LeaseRecords): Promise<Held> {
  const id = v7()
  await records.openLease(id)
  return { id, since: performance.now(), operations: 0, littered: false, doubted: false, retired: false }
}
