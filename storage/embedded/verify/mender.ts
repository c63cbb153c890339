/**
 * Mends an embedded store that nobody else has open. The rows of a page are mended in one transaction; what is saved or moved as a file is on the disk
 * before rows that name it go. So it can be killed at any moment and be run again: what is mended is no fault any more.
 */
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { JsonObject, ObjectID, StoredRecord } from '../../contract.js'
import { mintObjectID } from '../../object-id.js'
import { idKey, idText, maxNameLength } from '../../object-key.js'
import { hasCode } from '../../storage-errors.js'
import { isSetAside, type Repaired } from '../../verify/findings.js'
import { bare, bytesWereGone, type JustHappened, lostAndFound, marked, repairEvent, visible } from '../../verify/set-aside.js'
import { linksIn, sealBlob } from '../blob-rows.js'
import { ChangeWriter } from '../change-writer.js'
import { encodeJson } from '../json-codec.js'
import { successor } from '../bytes.js'
import { blobKey, entryKey, offsetOfSegment, ownerKey, referenceKey } from '../keys.js'
import { readEntry } from '../entry-rows.js'
import { sealNote } from '../note-rows.js'
import { copyHead, encodeRecord, markSegments, sizeOf } from '../record-codec.js'
import { encodeSegment, isCovered, isReferenced, readableSegments, readSegment, SegmentWriter } from '../segment-writer.js'
import { openRoot } from '../root-row.js'
import { hasKeys, stateKeys, type TableName, type Tables } from '../tables.js'
import { readableBlob, sumsOf } from './blob-checks.js'
import { blobNames, lostBlob } from './blob-names.js'
import type { Fault, Mend } from './faults.js'
import { healBlob } from './heal-blob.js'
import { Lineages } from './lineage.js'
import { MovedAside } from '../../files/moved-aside.js'
import { placeOf, readRecord } from './raw-record.js'

/** Records that are looked at in one step. */
const page = 500
const container = 'c'
const dataObject = 'd'

type Prepared = Mend | { readonly do: 'row', readonly blob: string, readonly size: number, readonly hash: string }

export class Mender {
  readonly #directory: string
  readonly #tables: Tables
  readonly #changes: ChangeWriter
  readonly #segments: SegmentWriter
  readonly #files: MovedAside
  readonly #lineages: Lineages

  constructor (directory: string, tables: Tables) {
    this.#directory = directory
    this.#tables = tables
    this.#changes = new ChangeWriter(tables)
    this.#segments = new SegmentWriter(tables)
    this.#files = new MovedAside(directory)
    this.#lineages = new Lineages(tables)
  }

  /** Mends these; answers for each what was done: the end of a sentence, undefined: nothing, it can only be named. */
  async mend (faults: readonly Fault[]): Promise<Array<string | undefined>> {
    const signal = new AbortController().signal
    const prepared: Array<readonly [Prepared[], string[]]> = []
    for (const fault of faults) {
      const done: string[] = []
      const steps: Prepared[] = []
      for (const mend of fault.mends) {
        if (mend.do === 'move') done.push(...await this.#move(mend.file))
        else if (mend.do === 'heal') {
          const healed = await this.#heal(mend.blob)
          if (healed === undefined) continue
          steps.push(...healed.steps)
          done.push(healed.done)
          break
        } else if (mend.do === 'readmit') steps.push(...await this.#readmit(mend.blob, signal))
        else {
          if (mend.do === 'save') done.push(...await this.#save(mend.table, mend.key))
          if (mend.do === 'rebuild') await this.#save('records', mend.id)
          if (mend.do === 'aside' && readRecord(mend.id, this.#tables.records.getBinary(mend.id) ?? Buffer.alloc(0)).problem !== undefined) await this.#save('records', mend.id)
          steps.push(mend)
        }
      }
      prepared.push([steps, done])
    }
    this.#tables.env.transactionSync(() => {
      this.#lineages.forget()
      // What every change begins with may be what is wrong.
      for (const [steps] of prepared) for (const step of steps) if (step.do === 'put' && step.table === 'state') this.#tables.state.putSync(step.key, step.value)
      this.#changes.begin()
      for (const [steps, done] of prepared) for (const step of steps) done.push(...this.#apply(step))
      this.#changes.settle()
      this.#changes.end()
    })
    this.#tables.env.resetReadTxn()
    return prepared.map(([, done]) => done.length === 0 ? undefined : done.join('; '))
  }

  /** Objects that were set aside for bytes which are there again, with a value that can be read. `damaged`: all in which something was found wrong. Answers what it did. */
  async release (damaged: ReadonlySet<ObjectID>): Promise<Repaired[]> {
    const { records, env } = this.#tables
    const released: Repaired[] = []
    let start = Buffer.from([0])
    for (let last: Buffer | undefined; ; last = undefined) {
      for (const { key, value } of records.getRange({ start, limit: page })) {
        last = key
        const { record } = readRecord(key, value)
        if (record === undefined || damaged.has(record.id) || !bytesWereGone(record.attributes)) continue
        const { path } = this.#lineages.path(key)
        const { metadata, ...attributes } = record.attributes
        const { damage: _, ...items } = Object(metadata) as JsonObject
        env.transactionSync(() => {
          this.#changes.begin()
          this.#put({ ...record, version: record.version + 1 }, copyHead(value), { ...attributes, metadata: items, completionStatus: 'Complete' }, { path, event: 'modify' }, undefined)
          this.#changes.end()
        })
        released.push({ kind: 'value', objectID: record.id, ...path !== undefined && { path }, problem: `${path ?? record.id} has all bytes of its value again`, done: 'it can be read, and be moved to where it was' })
      }
      env.resetReadTxn()
      if (last === undefined) return released
      start = Buffer.concat([last, Buffer.from([0])])
      await setImmediate()
    }
  }

  async #move (file: string): Promise<string[]> {
    const to = await this.#files.move(file)
    return to === undefined ? [] : [`it is ${to} now`]
  }

  async #save (table: TableName, key: Buffer): Promise<string[]> {
    const value = this.#tables[table].getBinary(key)
    return value === undefined ? [] : [`its bytes are in ${await this.#files.save(table, key, value)}`]
  }

  async #heal (blob: string): Promise<{ readonly steps: Prepared[], readonly done: string } | undefined> {
    const noted = this.#noted(blob)
    if (noted === undefined) return undefined
    const healed = await healBlob(this.#directory, blob, noted, this.#files)
    if (healed === undefined) return undefined
    if (healed.before !== undefined) return { steps: [], done: `one bit of it was wrong, and is right again; the file as it was is ${healed.before}` }
    return { steps: healed.hash === noted.hash ? [] : [{ do: 'row', blob, size: noted.size, hash: healed.hash }], done: 'its bytes are those that were written' }
  }

  /** As the file is now, for nobody knows how it was. */
  async #readmit (blob: string, signal: AbortSignal): Promise<Prepared[]> {
    if (!blobNames.test(blob)) return []
    try {
      const { size, blocks } = await sumsOf(join(this.#directory, 'blobs', blob), signal)
      return [{ do: 'row', blob, size, hash: blocks }]
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENOTDIR', 'EISDIR', 'EIO')) return []
      throw error
    }
  }

  #apply (step: Prepared): string[] {
    const { blobs, doomed, references } = this.#tables
    switch (step.do) {
      case 'put':
        this.#tables[step.table].putSync(step.key, step.value)
        return [step.done]
      case 'remove':
        this.#tables[step.table].removeSync(step.key)
        return [step.done]
      case 'save':
        this.#tables[step.table].removeSync(step.key)
        return []
      case 'flag':
        this.#flag(step.id, step.present)
        return ['its record says so now']
      case 'hole':
        this.#tables.segments.putSync(step.key, encodeSegment(step.key, step.length, 0, lostBlob))
        this.#tables.references.putSync(referenceKey(lostBlob, step.key), sealNote(referenceKey(lostBlob, step.key)))
        this.#flag(step.key.subarray(1, 1 + (step.key[0] ?? 0)), true)
        return []
      case 'trash': return this.#trash(step.blob)
      case 'row':
        blobs.putSync(blobKey(step.blob), sealBlob(blobKey(step.blob), { since: 0, size: step.size, hash: step.hash, links: linksIn(references, step.blob) }))
        doomed.removeSync(blobKey(step.blob))
        return ['the store knows the file again']
      case 'rebuild': return this.#rebuild(step.id, step.entry, step.note)
      case 'aside': return this.#aside(step.id, step.note, step.sound === true)
      case 'heal':
      case 'readmit':
      case 'move': return []
    }
  }

  #flag (id: Buffer, present: boolean): void {
    const bytes = this.#tables.records.getBinary(id)
    if (bytes === undefined || bytes.length < 2) return
    markSegments(bytes, present, this.#isWhole(id, bytes))
    this.#tables.records.putSync(id, bytes)
  }

  /** Whether the map, as it is now, covers the whole value. */
  #isWhole (id: Buffer, record: Buffer): boolean {
    return isCovered(readableSegments(this.#tables.segments, id), 0, sizeOf(record))
  }

  #noted (blob: string): ReturnType<typeof readableBlob> {
    const row = this.#tables.blobs.getBinary(blobKey(blob))
    return row === undefined ? undefined : readableBlob(blobKey(blob), row)
  }

  #trash (blob: string): string[] {
    const noted = this.#noted(blob)
    if (noted === undefined || isReferenced(this.#tables, blob)) return []
    const now = Date.now()
    this.#tables.blobs.putSync(blobKey(blob), sealBlob(blobKey(blob), { ...noted, since: now, links: 0 }))
    this.#segments.abandon(blob, now)
    return ['it is in the trash']
  }

  /** A record of which nothing is left, or nothing readable: what other tables say of it makes a new one. */
  #rebuild (id: Buffer, entry: Buffer | undefined, note: string): string[] {
    const { records, entries, segments, state } = this.#tables
    const before = records.getBinary(id)
    if (before !== undefined && readRecord(id, before).record !== undefined) return []
    const key = entry ?? this.#entryOf(id)
    const letter = key === undefined ? undefined : this.#letterAt(key)
    const isRoot = state.getBinary(stateKeys.root)?.toString() === idText(id)
    const type = isRoot || letter === container || hasKeys(entries, ownerKey(id)) ? container : dataObject
    const size = readableSegments(segments, id).reduce((end, { offset, length }) => Math.max(end, offset + length), 0)
    const place = key === undefined ? undefined : placeOf(key)
    const path = place === undefined ? undefined : this.#pathBelow(place.parent, place.name)
    const record: StoredRecord = { id: idText(id), version: 1, type, parentID: undefined, name: undefined, attributes: bare(type), size: type === container ? 0 : size, inline: undefined }
    const known = { path, event: 'modify' as const }
    // What is in a container stays where it was.
    if (isRoot) return this.#put(record, undefined, marked(record, note, path, true), known, 'it was made anew; what was known of it is lost')
    const stays = type === container && place !== undefined && this.#lineages.of(id, place.parent) === 'rooted'
    if (stays) return this.#put({ ...record, parentID: idText(place.parent), name: place.name }, undefined, marked(record, note, path, true), known, 'it was made anew with all that is in it; what else was known of it is lost')
    return this.#put(this.#inLostAndFound(record, place?.name), undefined, marked(record, note, path, type === container), known, undefined)
  }

  #letterAt (key: Buffer): string {
    const row = this.#tables.entries.getBinary(key)
    return String.fromCharCode(row === undefined ? 0 : readEntry(key, row)?.type ?? 0)
  }

  /** To be used rarely: it looks at all names. */
  #entryOf (id: Buffer): Buffer | undefined {
    for (const { key, value } of this.#tables.entries.getRange({ start: Buffer.from([0]) })) if (readEntry(key, value)?.id.equals(id) === true) return key
    return undefined
  }

  #aside (id: Buffer, note: string, sound: boolean): string[] {
    const bytes = this.#tables.records.getBinary(id)
    const record = bytes === undefined ? undefined : readRecord(id, bytes).record
    if (bytes === undefined || record === undefined || isSetAside(record.attributes)) return []
    const { path } = this.#lineages.path(id)
    const old = copyHead(bytes)
    const inline = record.inline === undefined ? {} : { size: record.inline.length }
    const next = { ...record, ...inline, version: record.version + 1 }
    if (!visible.includes(record.type)) return this.#setApart(next, old, note, path)
    const attributes = marked(next, note, path, sound || record.type === container)
    // A container has no bytes: it can stay with all that is in it.
    if (!sound && record.type === container) return this.#put(next, old, attributes, { path, event: 'modify' }, 'it stays, and what cannot be read of it is lost')
    return this.#put(this.#inLostAndFound(next, record.name), old, attributes, { path, event: 'rename' }, undefined)
  }

  /** What the server kept for itself becomes an object of its own, and its record goes: another may get that ID. */
  #setApart (record: StoredRecord, old: Buffer, note: string, path: string | undefined): string[] {
    const root = this.#tables.state.getBinary(stateKeys.root)?.toString() ?? ''
    const enterprise = Number.parseInt(root.slice(2, 8), 16)
    const id = mintObjectID(Number.isNaN(enterprise) ? undefined : enterprise)
    this.#makeHoles(idKey(record.id), record.size)
    const { attributes: _, ...rest } = record
    const fresh = { ...rest, id, version: 1, type: dataObject, attributes: bare(dataObject) }
    const done = this.#put(this.#inLostAndFound(fresh, undefined), undefined, marked(fresh, note, path, false), { path, event: 'create' }, undefined, idKey(record.id))
    this.#changes.removeRecord(idKey(record.id), old)
    return done
  }

  /** Rows of its map that cannot be read, and so not be copied either, say no more than that bytes are lost there. */
  #makeHoles (id: Buffer, size: number): void {
    const { segments } = this.#tables
    const owner = ownerKey(id)
    const rows = Array.from(segments.getRange({ start: owner, end: successor(owner) }))
    for (const [at, { key, value }] of rows.entries()) {
      if (readSegment(key, value) !== undefined) continue
      const next = rows[at + 1]
      const end = next === undefined ? size : offsetOfSegment(next.key)
      if (key.length === owner.length + 8) this.#apply({ do: 'hole', key, length: Math.max(1, Math.min(end, size) - offsetOfSegment(key)) })
      else segments.removeSync(key)
    }
  }

  #inLostAndFound (record: StoredRecord, name: string | undefined): StoredRecord {
    const parent = this.#lostAndFound()
    return { ...record, parentID: idText(parent), name: this.#freeName(parent, name, record.id) }
  }

  #freeName (parent: Buffer, name: string | undefined, id: string): string {
    const usable = name !== undefined && name.isWellFormed() && !name.startsWith('cdmi_') && Buffer.byteLength(name) <= maxNameLength
    for (let n = 0; ; n++) {
      const free = usable && n === 0 ? name : n < 2 ? id : `${id}-${n}`
      const key = entryKey(parent, free)
      const row = this.#tables.entries.getBinary(key)
      if (row === undefined || readEntry(key, row)?.id.equals(idKey(id)) === true) return free
    }
  }

  /** The container in the root; one more where something else has its name. */
  #lostAndFound (): Buffer {
    const root = idKey(openRoot(this.#tables.state.getBinary(stateKeys.root), this.#directory))
    for (let n = 1; ; n++) {
      const name = n === 1 ? lostAndFound : `${lostAndFound}-${n}`
      const key = entryKey(root, name)
      const entry = this.#tables.entries.getBinary(key)
      if (entry === undefined) {
        const id = mintObjectID(Number.parseInt(idText(root).slice(2, 8), 16))
        const record: StoredRecord = { id, version: 1, type: container, parentID: idText(root), name, attributes: bare(container), size: 0, inline: undefined }
        this.#put(record, undefined, record.attributes, { path: undefined, event: 'create' }, undefined)
        return idKey(id)
      }
      const id = readEntry(key, entry)?.id
      const bytes = id === undefined ? undefined : this.#tables.records.getBinary(id)
      if (id !== undefined && bytes !== undefined && readRecord(id, bytes).record?.type === container) return id
    }
  }

  /** Stores a record, and tells those who follow the change log. `valueOf`: the object whose segments it gets. */
  #put (record: StoredRecord, old: Buffer | undefined, attributes: JsonObject, { path, event }: { readonly path: string | undefined, readonly event: JustHappened }, done: string | undefined, valueOf?: Buffer): string[] {
    const { id, version, type, parentID, name, size, inline } = record
    const key = idKey(id)
    const bytes = encodeRecord({ id, version, type, parentID, name, attributes, size, inline, segments: { kind: 'keep' } })
    this.#changes.putRecord(key, bytes, valueOf === undefined ? ['keep'] : ['copy', valueOf, 0], old)
    // Whatever a record of before knew of it.
    markSegments(bytes, hasKeys(this.#tables.segments, ownerKey(key)), this.#isWhole(key, bytes))
    this.#tables.records.putSync(key, bytes)
    const to = this.#lineages.path(key).path
    this.#changes.log(encodeJson(repairEvent(event, record, { from: path, to })))
    return [done ?? `it is ${to ?? id} now`]
  }

  #pathBelow (parent: Buffer, name: string): string | undefined {
    const { path } = this.#lineages.path(parent)
    return path === undefined ? undefined : `${path}${encodeURIComponent(name.toWellFormed())}`
  }
}
