/** Leases and the steps of the sweeper, inside a write transaction. Each may be repeated. */
import type { BlobID, LeaseID } from '../contract.js'
import { type BlobRow, readBlob, sealBlob } from './blob-rows.js'
import { readU64, successor, u64 } from './bytes.js'
import type { ChangeWriter } from './change-writer.js'
import { readEntry } from './entry-rows.js'
import { blobKey, ownerKey, trashKey } from './keys.js'
import { leaseState, leaseStates, sealLease } from './lease-rows.js'
import { timeOfEvent } from './log-rows.js'
import { isSoundNote, sealNote } from './note-rows.js'
import { readOrphan } from './orphan-rows.js'
import { isPinned } from './pins.js'
import { copyHead } from './record-codec.js'
import { isReferenced } from './segment-writer.js'
import { hasKeys, type Tables } from './tables.js'

/** Steps are cut so that no commit waits long behind one. */
const longestStep = 200

export class SweepWriter {
  readonly #tables: Tables
  readonly #changes: ChangeWriter

  constructor (tables: Tables, changes: ChangeWriter) {
    this.#tables = tables
    this.#changes = changes
  }

  openLease (lease: LeaseID): void {
    const key = Buffer.from(lease)
    this.#tables.leases.putSync(key, sealLease(key, leaseStates.open))
  }

  closeLease (lease: LeaseID): void {
    const key = Buffer.from(lease)
    if (leaseState(key, this.#tables.leases.getBinaryFast(key)) !== undefined) this.#tables.leases.putSync(key, sealLease(key, leaseStates.closed))
  }

  dropLease (lease: LeaseID): void {
    const key = Buffer.from(lease)
    if (leaseState(key, this.#tables.leases.getBinaryFast(key)) === leaseStates.closed) this.#tables.leases.removeSync(key)
  }

  /**
   * Looks at the oldest of the trash. What is named again is left alone, the rest is doomed: its row goes, so that no commit can name it any more. While there
   * is a pin all of it stays. What has other bytes than were written stays, too, with its blob: for a look at the store to find.
   */
  condemn (grace: number, limit: number): number {
    if (isPinned(this.#tables)) return 0
    const { trash, blobs, doomed } = this.#tables
    const now = Date.now()
    const early = this.#bringBack(now, Math.min(limit, longestStep))
    if (early > 0) return early
    const end = u64(Math.max(0, now - grace) + 1)
    const due = this.#trashOf({ start: Buffer.from([0]), end, limit })
    for (const { key, blob, noted } of due) {
      trash.removeSync(key)
      // A later entry in the trash decides.
      if (noted === undefined || noted.since !== readU64(key, 0) || isReferenced(this.#tables, blob)) continue
      blobs.removeSync(blobKey(blob))
      doomed.putSync(blobKey(blob), sealNote(blobKey(blob)))
    }
    return due.length
  }

  /**
   * The first of the trash that can be believed, with what is noted of its blobs. A blob whose links say that there is a reference is not among them while that one is not found: it may
   * have got another key, on the disk.
   */
  #trashOf ({ start, end, limit }: { readonly start: Buffer, readonly end?: Buffer, readonly limit: number }): Array<{ readonly key: Buffer, readonly blob: BlobID, readonly noted: BlobRow | undefined }> {
    const { trash, blobs } = this.#tables
    const found: Array<{ readonly key: Buffer, readonly blob: BlobID, readonly noted: BlobRow | undefined }> = []
    for (const { key, value } of trash.getRange({ start, ...end !== undefined && { end } })) {
      if (found.length >= Math.min(limit, longestStep)) break
      if (!isSoundNote(key, value)) continue
      const blob = key.toString('utf8', 8)
      const row = blobs.getBinary(blobKey(blob))
      const noted = row === undefined ? undefined : readBlob(blobKey(blob), row)
      if (row !== undefined && noted === undefined) continue
      if ((noted?.links ?? 0) !== 0 && !isReferenced(this.#tables, blob)) continue
      found.push({ key, blob, noted })
    }
    return found
  }

  /** What got there while the clock was ahead of now: its grace begins anew, for else it would stay until the clock is there again. */
  #bringBack (now: number, limit: number): number {
    const { trash, blobs } = this.#tables
    const ahead = this.#trashOf({ start: u64(now + 1), limit })
    for (const { key, blob, noted } of ahead) {
      trash.removeSync(key)
      if (noted === undefined || noted.since !== readU64(key, 0) || isReferenced(this.#tables, blob)) continue
      blobs.putSync(blobKey(blob), sealBlob(blobKey(blob), { ...noted, since: now, links: 0 }))
      const again = trashKey(now, blob)
      trash.putSync(again, sealNote(again))
    }
    return ahead.length
  }

  dropPins (keys: readonly Buffer[]): void {
    for (const key of keys) this.#tables.state.removeSync(key)
  }

  forget (blobs: readonly BlobID[]): void {
    for (const blob of blobs) this.#tables.doomed.removeSync(blobKey(blob))
  }

  /** Removes descendants of removed containers; where it stopped, the next call goes on. */
  prune (limit: number): number {
    const { orphans, entries } = this.#tables
    let removed = 0
    while (removed < Math.min(limit, longestStep)) {
      const parent = this.#firstOrphan()
      if (parent === undefined) break
      const room = Math.min(limit, longestStep) - removed
      const children = Array.from(entries.getRange({ start: parent, end: successor(parent), limit: room }))
      for (const { key, value } of children) {
        const id = readEntry(key, value)?.id
        if (id !== undefined) this.#removeChild(id)
        // The record removes its own entry; one without a record, or that cannot be read, must not be found for ever.
        this.#changes.removeEntry(key)
        removed++
      }
      if (children.length < room) {
        orphans.removeSync(parent)
        this.#changes.usage.cleared(parent)
      }
    }
    this.#changes.settle()
    return removed
  }

  /** Of a container that is there nobody removes what is in it, whatever a row says. */
  #firstOrphan (): Buffer | undefined {
    const { orphans, records } = this.#tables
    for (const { key, value } of orphans.getRange({ start: Buffer.from([0]) })) {
      if (readOrphan(key, value) !== undefined && records.getBinaryFast(key.subarray(1)) === undefined) return key
    }
    return undefined
  }

  #removeChild (id: Buffer): void {
    const { orphans, entries, records } = this.#tables
    const below = ownerKey(id)
    // Once its record is gone nobody can tell what was above it.
    if (hasKeys(entries, below)) orphans.putSync(below, this.#changes.usage.leftBelow(id))
    const record = records.getBinaryFast(id)
    const head = record === undefined ? undefined : copyHead(record)
    if (record !== undefined) this.#changes.usage.prune(id, record)
    this.#changes.removeRecord(id, head)
  }

  trimLog (olderThan: number, limit: number): number {
    const { log } = this.#tables
    const before = Date.now() - olderThan
    const old: Buffer[] = []
    for (const { key, value } of log.getRange({ start: Buffer.from([0]), limit })) {
      if (timeOfEvent(key, value) >= before) break
      old.push(key)
    }
    for (const key of old) log.removeSync(key)
    return old.length
  }
}
