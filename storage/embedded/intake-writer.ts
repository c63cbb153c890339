/** How a store is filled with all that another one has, inside a write transaction. Each step but the first may be repeated. */
import type { BlobID, LeaseID, ObjectID } from '../contract.js'
import { idKey } from '../object-key.js'
import { sealAccesses } from './access-rows.js'
import { u64 } from './bytes.js'
import type { ChangeWriter } from './change-writer.js'
import { blobKey } from './keys.js'
import { leaseState, leaseStates } from './lease-rows.js'
import { openSequence, sealEvent } from './log-rows.js'
import { sealMoved } from './moved-rows.js'
import { copyHead, versionOf } from './record-codec.js'
import { stateKeys, type Table, type Tables } from './tables.js'
import type { WireBirth, WireWhole } from './wire-change.js'

/** What `begin` answers, by the number that stands for it on the wire. */
export const beginnings = ['begun', 'resumed', 'foreign', 'finished', 'occupied'] as const

export class IntakeWriter {
  readonly #tables: Tables
  readonly #changes: ChangeWriter

  constructor (tables: Tables, changes: ChangeWriter) {
    this.#tables = tables
    this.#changes = changes
  }

  begin (root: ObjectID, last: number): number {
    const { state, records } = this.#tables
    const source = state.getBinary(stateKeys.intake)?.toString()
    if (source !== undefined) return beginnings.indexOf(source === root ? 'resumed' : 'foreign')
    if (state.getBinary(stateKeys.filled)?.toString() === `${root} ${last}` && this.#sequence() === last) return beginnings.indexOf('finished')
    const own = state.getBinary(stateKeys.root)
    if (own === undefined || !this.#isEmpty(own.toString())) return beginnings.indexOf('occupied')
    records.removeSync(idKey(own.toString()))
    state.putSync(stateKeys.root, Buffer.from(root))
    state.putSync(stateKeys.intake, Buffer.from(root))
    // Counted when all of them are there, by whoever opens it and wants to know.
    state.removeSync(stateKeys.counting)
    this.#tables.usage.clearSync()
    return beginnings.indexOf('begun')
  }

  /** Nothing was ever in it. */
  #isEmpty (root: ObjectID): boolean {
    const { records, blobs, log } = this.#tables
    const record = records.getBinaryFast(idKey(root))
    if (record === undefined || versionOf(record) !== 1) return false
    return keysUpTo(records, 2) === 1 && keysUpTo(blobs, 1) === 0 && keysUpTo(log, 1) === 0 && this.#sequence() === 0
  }

  #sequence (): number {
    return openSequence(this.#tables.state.getBinary(stateKeys.sequence))
  }

  move (lease: LeaseID, from: BlobID, birth: WireBirth): boolean {
    const key = Buffer.from(lease)
    if (leaseState(key, this.#tables.leases.getBinaryFast(key)) !== leaseStates.open) return false
    // The trash looks at it, once there is a sweeper again: what no record has named by then is garbage.
    this.#changes.giveBirth(birth, false)
    this.#tables.moved.putSync(blobKey(from), sealMoved(blobKey(from), birth[0]))
    return true
  }

  take (wholes: readonly WireWhole[], gone: readonly Buffer[]): void {
    const { accesses } = this.#tables
    for (const id of gone) this.#changes.removeRecord(id, this.#head(id))
    for (const [id, record, segments, noted] of wholes) {
      this.#changes.putRecord(id, record, ['replace', segments], this.#head(id))
      if (noted === null) {
        accesses.removeSync(id)
        continue
      }
      accesses.putSync(id, sealAccesses(id, { count: noted[0], last: noted[1] }))
    }
    this.#changes.settle()
  }

  #head (id: Buffer): Buffer | undefined {
    const record = this.#tables.records.getBinaryFast(id)
    return record === undefined ? undefined : copyHead(record)
  }

  log (entries: ReadonlyArray<[sequence: number, event: Buffer]>): void {
    const now = Date.now()
    for (const [sequence, event] of entries) {
      const key = u64(sequence)
      this.#tables.log.putSync(key, sealEvent(key, now, event))
    }
    const last = entries.at(-1)
    if (last !== undefined) this.#changes.goOnFrom(last[0])
  }

  finish (last: number): void {
    const { moved, state } = this.#tables
    this.#changes.goOnFrom(last)
    moved.clearSync()
    state.putSync(stateKeys.filled, Buffer.from(`${state.getBinary(stateKeys.intake)?.toString() ?? ''} ${last}`))
    state.removeSync(stateKeys.intake)
  }
}

function keysUpTo (table: Table, limit: number): number {
  return Array.from(table.getKeys({ start: Buffer.from([0]), limit })).length
}
