/**
 * Open sets of parts (PUP-04, PUP-12). Each is a record of its own, with the parts as its value, under a parent that has no record: so no path and no
 * ID leads to it. Its ID follows from the object and the upload ID, so that all requests of one set meet in one record, and its commits
 * decide between those that come at once. Of a set that is complete a record without a value stays for a while.
 */
import { createHash } from 'node:crypto'
import { clockLeaps } from '../storage/clock-leaps.js'
import type { JsonObject, RecordPut, Store, StoredRecord } from '../storage/contract.js'
import type { ValueTransferEncoding } from '../schemas/record.js'
import type { Limits } from './limits.js'
import { changedDataObject } from './data-object-record.js'
import type { Edit } from './edit.js'
import { now } from './instant.js'
import type { MutationGate } from './mutation-gate.js'
import type { ObjectChange } from './mutation.js'
import { hiddenID } from './object-id.js'
import { type Ledger, type Terms } from './partial-upload.js'
import { itself } from './principal.js'
import { attributesOf, typeLetter } from './record.js'
import { emptyValue, keepValue, type PlacedValue } from './values.js'

/** What a set knows beside its parts. */
export interface UploadSet extends Ledger, Terms {
  /** All parts are known to be UTF-8. */
  readonly utf8: boolean
  /** What its messages said of the object, for when it is complete. */
  readonly mimetype?: string | undefined
  readonly encoding?: ValueTransferEncoding | undefined
  readonly metadata?: Edit | undefined
  readonly fields?: Edit | undefined
  /** Without a name: none from then on. */
  readonly template?: { readonly name?: string | undefined } | undefined
}

/** As it is stored. */
interface StoredSet extends UploadSet {
  readonly target: string
  readonly state: 'open' | 'complete'
  /** Of the last message. */
  readonly time: number
}

export interface FoundSet {
  readonly record: StoredRecord
  /** `expired`: nothing came for too long, or it was completed that long ago; as if it were not there. */
  readonly state: 'open' | 'expired' | 'complete'
  readonly set: UploadSet
}

/** Sets that are looked at in one step. */
const page = 500

/** Of all of them; it has no record. */
const parentID = hiddenID('partial uploads')

export class PartialUploads {
  readonly #store: Store
  readonly #gate: MutationGate
  readonly #limits: Pick<Limits, 'partialTimeout'>

  constructor (store: Store, gate: MutationGate, limits: Pick<Limits, 'partialTimeout'>) {
    this.#store = store
    this.#gate = gate
    this.#limits = limits
  }

  /** The set of an object under an upload ID (undefined: the null one). */
  async find (target: string, uploadID: string | undefined): Promise<FoundSet | undefined> {
    const record = await this.#store.meta.get(uploadID === undefined ? nullSetID(target) : idOf(nameOf(target, uploadID)))
    if (record === undefined) return undefined
    const set = setOf(record)
    return { record, set, state: this.#stateOf(set) }
  }

  #stateOf (set: StoredSet): FoundSet['state'] {
    return this.#isOver(set) ? 'expired' : set.state
  }

  /** Whether a set with the null upload ID is open: the standard then calls the object `Processing` (DOC-82). At once where that can be said without a wait. */
  isUpdating (record: Pick<StoredRecord, 'id'>): boolean | Promise<boolean> {
    const known = this.#store.meta.known?.(nullSetID(record.id), [], true)
    return known === undefined ? this.#isOpen(record.id) : known[0] !== undefined && this.#stateOf(setOf(known[0])) === 'open'
  }

  async #isOpen (target: string): Promise<boolean> {
    return (await this.find(target, undefined))?.state === 'open'
  }

  /** The IDs of those of some objects that are being updated so. */
  async updating (objects: ReadonlyArray<Pick<StoredRecord, 'id'>>): Promise<ReadonlySet<string>> {
    const open = new Set<string>()
    for (const record of await this.#nullSetsOf(objects.map(({ id }) => id))) {
      const set = setOf(record)
      if (!this.#isOver(set)) open.add(set.target)
    }
    return open
  }

  /**
   * What ends the sets with the null upload ID of objects that get another value in one piece, by a door or an operation that knows nothing of parts
   * (DOC-82): those that have come were for a value that nobody wants any more.
   */
  async superseded (changes: readonly ObjectChange[]): Promise<ObjectChange[]> {
    const ids = changes.flatMap(({ before, put }) => before === undefined || put === undefined || put.type !== typeLetter.dataObject || put.segments.kind === 'keep' ? [] : [put.id])
    return (await this.#nullSetsOf(ids)).map(removal)
  }

  /** For a commit that does not look first: it holds only when there is no set that it would supersede. */
  noneOf (target: string): Pick<StoredRecord, 'id' | 'version'> {
    return { id: nullSetID(target), version: 0 }
  }

  async #nullSetsOf (targets: readonly string[]): Promise<StoredRecord[]> {
    const found: StoredRecord[] = []
    for (let at = 0; at < targets.length; at += page) {
      const records = await this.#store.meta.getMany(targets.slice(at, at + page).map(id => nullSetID(id)))
      for (const record of records) if (record !== undefined) found.push(record)
    }
    return found
  }

  /** Keeps the set. `target`: the object at the version at which the commit must find it; undefined when it is changed by the same commit. */
  keep (found: FoundSet | undefined, targetID: string, uploadID: string | undefined, set: UploadSet, value: PlacedValue, holds: readonly StoredRecord[]): ObjectChange {
    return { operation: 'modify', hidden: true, ancestors: holds, before: found?.record, put: this.#put(found, targetID, uploadID, 'open', set, value) }
  }

  /** Ends the set with the commit that completes its object; undefined: there is nothing to be done. */
  end (found: FoundSet | undefined, targetID: string, uploadID: string | undefined): ObjectChange | undefined {
    if (uploadID !== undefined) return { operation: 'modify', hidden: true, ancestors: [], before: found?.record, put: this.#put(found, targetID, uploadID, 'complete', { ranges: [], appended: [], count: 0, utf8: true }, emptyValue) }
    return found === undefined ? undefined : removal(found.record)
  }

  /** Discards what there still is of the sets of these objects, which were removed: others get their IDs. */
  async discardOf (targets: readonly string[]): Promise<ObjectChange[]> {
    const { meta } = this.#store
    const changes: ObjectChange[] = []
    if ((await meta.children(parentID, { limit: 1 })).length === 0) return changes
    for (const target of targets) {
      for (let after: string | undefined, full = true; full;) {
        const entries = await meta.children(parentID, { prefix: `${target} `, after, limit: page })
        for (const record of await meta.getMany(entries.map(({ id }) => id))) if (record !== undefined) changes.push(removal(record))
        full = entries.length === page
        after = entries.at(-1)?.name
      }
    }
    return changes
  }

  #put (found: FoundSet | undefined, target: string, uploadID: string | undefined, state: StoredSet['state'], set: UploadSet, value: PlacedValue): RecordPut {
    const name = nameOf(target, uploadID)
    const stored: StoredSet = { ...set, target, state, time: now() }
    return {
      id: idOf(name),
      version: (found?.record.version ?? 0) + 1,
      type: typeLetter.partialUpload,
      parentID,
      name,
      attributes: withoutUndefined(stored),
      size: value.size,
      inline: value.inline,
      segments: value.segments
    }
  }

  /** Discards sets for which nothing came in time, those of objects that are gone, and the memory of complete ones. Answers how many. */
  async expire (): Promise<number> {
    let discarded = 0
    for (let after: string | undefined; ;) {
      const entries = await this.#store.meta.children(parentID, { after, limit: page })
      for (const { id } of entries) if (await this.#discard(id)) discarded++
      if (entries.length < page) return discarded
      after = entries.at(-1)?.name
    }
  }

  async #discard (id: string): Promise<boolean> {
    const done = await this.#gate.mutate(itself, id, async () => {
      const record = await this.#store.meta.get(id)
      if (record === undefined) return undefined
      const set = setOf(record)
      const lineage = await this.#store.meta.lineage(set.target)
      const target = lineage.at(-1)
      if (target !== undefined && !this.#isOver(set)) return undefined
      const given = target === undefined || set.state === 'complete' ? undefined : await this.#giveUp(target, lineage.slice(0, -1))
      return { changes: [removal(record), ...given === undefined ? [] : [given]] }
    })
    return done !== undefined
  }

  /** An object that never had a value, and whose last set is discarded, says so until its client does something about it (DOC-22). */
  async #giveUp (target: StoredRecord, ancestors: readonly StoredRecord[]): Promise<ObjectChange | undefined> {
    const { completionStatus, valuetransferencoding = 'base64' } = attributesOf(target)
    if (completionStatus !== 'Processing') return undefined
    const sets = await this.#store.meta.children(parentID, { prefix: `${target.id} `, limit: 2 })
    if (sets.length > 1) return undefined
    const put = changedDataObject(target, { completionStatus: 'Error: the parts of the value did not all come in time' }, keepValue(target), valuetransferencoding)
    return { operation: 'modify', ancestors, before: target, put }
  }

  #isOver ({ time }: StoredSet): boolean {
    const timeout = this.#limits.partialTimeout * 1000
    return now() - time > (timeout + clockLeaps.within(timeout)) * 1000
  }
}

/** IDs of sets without an upload ID, by the objects that were asked about last: each write of an object asks for its one, and a hash costs more than all else about that. */
const nullSetIDs = new Map<string, string>()
const mostKept = 1000

function nullSetID (target: string): string {
  const before = nullSetIDs.get(target)
  if (before !== undefined) return before
  const id = idOf(nameOf(target, undefined))
  if (nullSetIDs.size >= mostKept) nullSetIDs.clear()
  nullSetIDs.set(target, id)
  return id
}

function idOf (name: string): string {
  return hiddenID(`partial uploads ${name}`)
}

/** Names sort by object. Upload IDs may be of any length and any characters, and are hashed. */
function nameOf (target: string, uploadID: string | undefined): string {
  return `${target} ${uploadID === undefined ? 'null' : createHash('sha256').update(uploadID).digest('hex')}`
}

function removal (record: StoredRecord): ObjectChange {
  return { operation: 'delete', hidden: true, ancestors: [], before: record, remove: { id: record.id, version: record.version, subtree: false } }
}

/** Only this file writes them, so they are not validated again. */
function setOf ({ attributes }: StoredRecord): StoredSet {
  return attributes as unknown as StoredSet
}

function withoutUndefined (set: StoredSet): JsonObject {
  return JSON.parse(JSON.stringify(set)) as JsonObject
}
