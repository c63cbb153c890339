/** Changes of the model, inside a write transaction: every expectation is checked before anything is written. */
import { type BlobID, StorageError } from '../contract.js'
import { idText } from '../object-key.js'
import type { Deltas } from '../usage.js'
import { decodeNotes } from './access-notes.js'
import { u64 } from './bytes.js'
import { sealBlob } from './blob-rows.js'
import { readAccesses, sealAccesses } from './access-rows.js'
import { blobKey, ownerKey } from './keys.js'
import { leaseState, leaseStates } from './lease-rows.js'
import { ListingMarks } from './listing-marks.js'
import { checkRecord, copyHead, entryKeyOf, hasSegments, hasSoundFlags, markSegments, sizeOf, typeOf, versionOf, withInlineOf } from './record-codec.js'
import { openEntry, sealEntry } from './entry-rows.js'
import { openSequence, sealEvent, sealSequence } from './log-rows.js'
import { SegmentWriter } from './segment-writer.js'
import { stateKeys, type Tables } from './tables.js'
import { UsageWriter } from './usage-writer.js'
import type { WireOutcome, WireResult } from './wire.js'
import type { WireBirth, WireChange, WireSegmentChange } from './wire-change.js'

export class ChangeWriter {
  readonly #tables: Tables
  readonly #segments: SegmentWriter
  readonly #listings: ListingMarks
  readonly usage: UsageWriter
  #sequence = 0
  /** The sequence at the start of the transaction. */
  #stored = 0

  constructor (tables: Tables) {
    this.#tables = tables
    this.#segments = new SegmentWriter(tables)
    this.#listings = new ListingMarks(tables.state)
    this.usage = new UsageWriter(tables)
  }

  /** At the start of each transaction. */
  begin (): void {
    this.#sequence = this.#stored = openSequence(this.#tables.state.getBinary(stateKeys.sequence))
    this.#segments.reset()
    this.#listings.begin()
    this.usage.begin()
  }

  /** At its end. */
  end (): void {
    if (this.#sequence !== this.#stored) this.#tables.state.putSync(stateKeys.sequence, sealSequence(this.#sequence))
    this.#listings.end()
    this.usage.end()
  }

  /** What it answers is 'failed' where it needs something that has other bytes than were written, and has changed nothing. Throws where it may have begun to. */
  apply (change: WireChange): WireResult {
    const examined = this.#examine(change)
    if (Array.isArray(examined)) return examined
    const { found, deltas } = examined
    if (deltas !== undefined) this.usage.accept(deltas)
    const now = Date.now()
    this.#bear(change)
    for (const [id, given, segments] of change.put) {
      const old = found.get(id.toString('latin1'))
      const record = segments[0] === 'copy' ? this.#withValueOf(id, segments[1], given) : given
      this.putRecord(id, record, segments, old)
    }
    for (const [id, , subtree] of change.remove) {
      // Once its record is gone nobody can tell what was above it.
      if (subtree) this.#tables.orphans.putSync(ownerKey(id), this.usage.leftBelow(id))
      this.removeRecord(id, found.get(id.toString('latin1')))
      this.usage.forget(id)
    }
    this.#segments.settle(now)
    for (const event of change.events) this.log(event, now)
    return this.#sequence
  }

  /** All that a change needs to know, or why it is not made: only reads. */
  #examine (change: WireChange): { readonly found: Map<string, Buffer>, readonly deltas: Deltas | undefined } | WireOutcome {
    try {
      const found = this.#check(change)
      if (Array.isArray(found)) return found
      const deltas = this.usage.plan(change, found)
      if (deltas?.bound !== undefined) return ['bound', deltas.bound]
      const refused = deltas && this.usage.refusal(change.limits, deltas)
      return refused === undefined ? { found, deltas } : ['refused', refused]
    } catch (error) {
      if (!(error instanceof StorageError) || error.reason !== 'corrupt') throw error
      return ['failed', error.reason, error.message]
    }
  }

  /** Enters an encoded event into the change log. */
  log (event: Buffer, now = Date.now()): void {
    const key = u64(++this.#sequence)
    this.#tables.log.putSync(key, sealEvent(key, now, event))
  }

  /** Stores a record, its name and its segments. `old`: the head of the one that it replaces. */
  putRecord (id: Buffer, record: Buffer, segments: WireSegmentChange, old: Buffer | undefined): void {
    const { present, whole } = this.#segments.apply(id, segments, old, sizeOf(record))
    markSegments(record, present, whole)
    this.#place(id, record, old)
    this.#tables.records.putSync(id, record)
  }

  #withValueOf (id: Buffer, from: Buffer, record: Buffer): Buffer {
    const source = this.#tables.records.getBinary(from)
    if (source === undefined) return record
    // Under a checksum of its own nobody would see any more that it was wrong.
    checkRecord(from, source, idText(from))
    return withInlineOf(id, record, source)
  }

  /** Removes a record, its name and its segments. `old`: its head. */
  removeRecord (id: Buffer, old: Buffer | undefined): void {
    if (old === undefined) return
    this.#unlink(id, entryKeyOf(old))
    if (hasSegments(old)) this.#segments.clear(id)
    this.#tables.records.removeSync(id)
    this.#tables.accesses.removeSync(id)
  }

  /** Adds to what is known of the accesses of objects that are there. */
  noteAccesses (notes: Buffer): number {
    const { records, accesses } = this.#tables
    let noted = 0
    for (const { id, count, last } of decodeNotes(notes)) {
      noted++
      const row = accesses.getBinary(id)
      // A row goes with its object: only where there is none the object has to be looked for.
      if (row === undefined && records.getBinaryFast(id) === undefined) continue
      const before = row === undefined ? undefined : readAccesses(id, row)
      // What cannot be read any more is left for a look at the store to find.
      if (row !== undefined && before === undefined) continue
      accesses.putSync(id, sealAccesses(id, { count: count + (before?.count ?? 0), last: Math.max(last, before?.last ?? 0) }))
    }
    return noted
  }

  /** The last place of the log that counts as given out. */
  goOnFrom (sequence: number): void {
    this.#sequence = sequence
  }

  /** Blobs that removed records left go to the trash. */
  settle (): void {
    this.#segments.settle(Date.now())
  }

  /** The heads of the records that are replaced or removed, or the first expectation that does not hold. */
  #check (change: WireChange): Map<string, Buffer> | WireOutcome {
    const { records, leases } = this.#tables
    if (change.births.length > 0) {
      const lease = change.lease === null ? undefined : Buffer.from(change.lease)
      if (lease === undefined || leaseState(lease, leases.getBinaryFast(lease)) !== leaseStates.open) return ['conflict', 'lease']
    }
    const copied = change.put.flatMap(([, , segments]): ReadonlyArray<[id: Buffer, version: number]> => segments[0] === 'copy' ? [[segments[1], segments[2]]] : [])
    for (const [id, version] of [...change.expect, ...copied]) {
      const record = records.getBinaryFast(id)
      if ((record === undefined ? 0 : versionOf(record)) !== version) return ['conflict', 'version', idText(id)]
    }
    const heads = new Map<string, Buffer>()
    const leaving = new Set<string>()
    for (const [id, version] of change.remove) {
      if (!this.#collect(id, version, heads)) return ['conflict', 'version', idText(id)]
      leaving.add(id.toString('latin1'))
    }
    for (const [id, record] of change.put) {
      if (!this.#collect(id, versionOf(record) - 1, heads)) return ['conflict', 'version', idText(id)]
      // What is left below it would be there again.
      if (versionOf(record) === 1 && this.#tables.orphans.getBinaryFast(ownerKey(id)) !== undefined) return ['conflict', 'version', idText(id)]
      leaving.add(id.toString('latin1'))
    }
    return this.#checkNames(change, leaving) ?? this.#checkBlobs(change) ?? heads
  }

  #collect (id: Buffer, version: number, heads: Map<string, Buffer>): boolean {
    const stored = this.#tables.records.getBinaryFast(id)
    if ((stored === undefined ? 0 : versionOf(stored)) !== version) return false
    if (stored === undefined) return true
    // Its map would be left behind, and be taken for the new one's.
    if (!hasSoundFlags(stored)) throw new StorageError('corrupt', `The record of object ${idText(id)} has other bytes than were written`)
    heads.set(id.toString('latin1'), copyHead(stored))
    return true
  }

  #checkNames ({ put }: WireChange, leaving: ReadonlySet<string>): WireOutcome | undefined {
    const taken = new Map<string, Buffer>()
    for (const [id, record] of put) {
      const key = Buffer.from(entryKeyOf(record))
      if (key.length === 0) continue
      const other = taken.get(key.toString('latin1'))
      if (other !== undefined) return ['conflict', 'name', idText(other)]
      const holder = this.#holder(key)
      if (holder !== undefined && !leaving.has(holder.toString('latin1')) && !holder.equals(id)) return ['conflict', 'name', idText(holder)]
      if (put.length > 1) taken.set(key.toString('latin1'), id)
    }
    return undefined
  }

  /** A blob that is named must be born here or before, and not doomed: a copy of a value that was deleted meanwhile reads again. */
  #checkBlobs ({ births, put }: WireChange): WireOutcome | undefined {
    let born: Set<BlobID> | undefined
    for (const [id, , change] of put) {
      if (change[0] === 'keep' || change[0] === 'copy') continue
      for (const [, , blob] of change[1]) {
        born ??= new Set(births.map(([name]) => name))
        if (!born.has(blob) && this.#tables.blobs.getBinaryFast(blobKey(blob)) === undefined) return ['conflict', 'version', idText(id)]
      }
    }
    return undefined
  }

  #bear ({ births, put }: WireChange): void {
    if (births.length === 0) return
    const named = new Set(put.flatMap(([, , change]) => change[0] === 'keep' || change[0] === 'copy' ? [] : change[1].map(([, , blob]) => blob)))
    for (const birth of births) this.giveBirth(birth, named.has(birth[0]))
  }

  /** Born and not named: garbage at once, but only the trash may look at it from now on. */
  giveBirth ([blob, size, hash]: WireBirth, named: boolean): void {
    const since = named ? 0 : Date.now()
    const key = blobKey(blob)
    this.#tables.blobs.putSync(key, sealBlob(key, { since, size, hash, links: 0 }))
    if (since > 0) this.#segments.abandon(blob, since)
  }

  #place (id: Buffer, record: Buffer, old: Buffer | undefined): void {
    const key = Buffer.from(entryKeyOf(record))
    if (old !== undefined) {
      const before = entryKeyOf(old)
      if (key.equals(before) && typeOf(old) === typeOf(record)) {
        // Unless another record of this change has taken the name over.
        if (key.length === 0 || this.#holder(key)?.equals(id) === true) return
      } else {
        this.#unlink(id, before)
      }
    }
    if (key.length === 0) return
    this.#tables.entries.putSync(key, sealEntry(key, typeOf(record), id))
    this.#listings.note(key)
  }

  /** The ID that has this place. */
  #holder (key: Buffer): Buffer | undefined {
    const row = this.#tables.entries.getBinary(key)
    return row === undefined ? undefined : openEntry(key, row).id
  }

  /** Frees the place, unless another record of the same change has taken it. */
  #unlink (id: Buffer, entry: Uint8Array): void {
    if (entry.length === 0) return
    const key = Buffer.from(entry)
    if (this.#holder(key)?.equals(id) === true) this.removeEntry(key)
  }

  /** Removes an entry, whether there is one or not. */
  removeEntry (key: Buffer): void {
    this.#tables.entries.removeSync(key)
    this.#listings.note(key)
  }
}
