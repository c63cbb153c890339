/** Records, names and maps of segments: each row beside those that must go with it, in one snapshot. */
import { hash } from 'node:crypto'
import type { StoredRecord } from '../../contract.js'
import { idText, maxIDLength } from '../../object-key.js'
import { isSetAside, type VerifyOptions } from '../../verify/findings.js'
import { readAccesses } from '../access-rows.js'
import { readBlob } from '../blob-rows.js'
import { successor } from '../bytes.js'
import { blobKey, offsetOfSegment, ownerKey, referenceKey, referencePrefix, segmentKey } from '../keys.js'
import { readEntry, sealEntry } from '../entry-rows.js'
import { entryKeyOf, hasSegments, isWhole, typeOf } from '../record-codec.js'
import { sealNote } from '../note-rows.js'
import { readOrphan } from '../orphan-rows.js'
import { gapsIn, isHole, readSegment } from '../segment-writer.js'
import { hasKeys, rowAt, stateKeys, type TableName, type Tables } from '../tables.js'
import { blobNames } from './blob-names.js'
import type { Fault, Mend } from './faults.js'
import type { Lineages } from './lineage.js'
import { otherBytes, placeOf, readRecord } from './raw-record.js'
import { type SoundRow, soundRecord, soundRow } from './single-bits.js'

/** More than this are told one by one, and what does not add up for the lack of them, too. */
const mostMissing = 10_000

/** Algorithms of hashes that objects have of their values, by what Node calls them. */
const algorithms: Readonly<Record<string, string>> = { SHA160: 'sha1', SHA256: 'sha256', SHA384: 'sha384', SHA512: 'sha512' }

export class ObjectChecks {
  readonly #tables: Tables
  readonly #lineages: Lineages
  readonly #checkRecord: NonNullable<VerifyOptions['checkRecord']>
  /** Keys of references that were found missing, in Base16: what does not add up for the lack of them is told once. */
  readonly #missing = new Set<string>()

  constructor (tables: Tables, lineages: Lineages, checkRecord: VerifyOptions['checkRecord']) {
    this.#tables = tables
    this.#lineages = lineages
    this.#checkRecord = checkRecord ?? (() => undefined)
  }

  /** The beginning of a fault of an object, and of its sentence. */
  #at (id: Buffer): Pick<Fault, 'objectID' | 'path' | 'setAside'> & { readonly name: string } {
    const objectID = idText(id)
    const { path } = this.#lineages.path(id)
    const bytes = this.#tables.records.getBinary(id)
    const aside = bytes !== undefined && isSetAside(readRecord(id, bytes).record?.attributes ?? {})
    return { objectID, ...path !== undefined && { path }, ...aside && { setAside: true as const }, name: path === undefined ? `Object ${objectID}` : `${path} (object ${objectID})` }
  }

  /** A fault of an object whose value cannot be trusted; `first`: what is done before it is set aside. */
  damaged (id: Buffer, kind: Fault['kind'], problem: string, more: Partial<Fault> = {}, first: readonly Mend[] = []): Fault {
    const { name, ...object } = this.#at(id)
    return { kind, ...object, ...more, problem: `${name} ${problem}`, mends: [...first, { do: 'aside', id, note: problem }] }
  }

  record (id: Buffer, bytes: Buffer): Fault[] {
    const { record, problem } = readRecord(id, bytes)
    const { name, ...object } = this.#at(id)
    const present = hasKeys(this.#tables.segments, ownerKey(id))
    const sound = problem === undefined ? undefined : soundRecord(id, bytes, present)
    if (sound !== undefined) return [{ kind: 'record', ...object, problem: `${name} ${problem ?? ''}`, mends: putRight('records', id, sound) }]
    if (record === undefined) return [{ kind: 'record', ...object, problem: `${name} ${problem ?? ''}`, mends: [{ do: 'rebuild', id, note: problem ?? '' }] }]
    // Its place may be what is wrong.
    const faults = problem === otherBytes ? [] : this.#place(id, bytes)
    const wrong = problem ?? (isSetAside(record.attributes) ? undefined : this.#checkRecord(record) ?? wrongHash(record))
    if (wrong !== undefined) faults.push({ kind: problem === undefined ? 'value' : 'record', ...object, problem: `${name} ${wrong}`, mends: [{ do: 'aside', id, note: wrong }] })
    if (present !== hasSegments(bytes)) {
      const told = present ? 'has a value in files that its record does not know of' : 'has no value in files, though its record says so'
      faults.push({ kind: 'segment', ...object, problem: `${name} ${told}`, mends: !present && record.size > 0 && record.inline === undefined ? [{ do: 'hole', key: segmentKey(id, 0), length: record.size }, { do: 'aside', id, note: told }] : [{ do: 'flag', id, present }] })
    } else if (isWhole(bytes)) {
      const gaps = gapsIn(this.#tables.segments, id, record.size)
      const [first] = gaps
      const lost = gaps.reduce((sum, { length }) => sum + length, 0)
      if (first !== undefined) faults.push(this.damaged(id, 'segment', `has lost where ${lost} bytes of its value are, from byte ${first.offset} on`, {}, gaps.map(({ offset, length }): Mend => ({ do: 'hole', key: segmentKey(id, offset), length }))))
    }
    return faults
  }

  #place (id: Buffer, bytes: Buffer): Fault[] {
    const key = Buffer.from(entryKeyOf(bytes))
    const place = placeOf(key)
    if (place === undefined) return []
    const lineage = this.#lineages.of(id, place.parent)
    // What goes soon is no damage, and may be half gone.
    if (lineage === 'pruned') return []
    const { name, ...object } = this.#at(id)
    const fault = (problem: string, mend: Mend): Fault => ({ kind: 'place', ...object, problem: `${name} ${problem}`, mends: [mend] })
    // That the root is gone is said once.
    if (lineage === 'lost' && this.#tables.state.getBinary(stateKeys.root)?.toString() === idText(place.parent)) return []
    if (lineage === 'lost') return [fault(`is in container ${idText(place.parent)}, which is gone`, { do: 'aside', id, note: 'its container is gone', sound: true })]
    if (lineage === 'cycle') return [fault('is below itself', { do: 'aside', id, note: 'it was below itself', sound: true })]
    const entry = this.#tables.entries.getBinary(key)
    const wanted = sealEntry(key, typeOf(bytes), id)
    if (entry === undefined) return [fault('is not found under its name', { do: 'put', table: 'entries', key, value: wanted, done: 'its name leads to it again' })]
    const row = readEntry(key, entry)
    const other = row?.id
    if (row?.type === typeOf(bytes) && other?.equals(id) === true) return []
    if (other !== undefined && !other.equals(id) && this.#isAt(other, key)) return [fault(`has the same name as object ${idText(other)}`, { do: 'aside', id, note: 'another object has its name', sound: true })]
    return [fault('is not what its name leads to', { do: 'put', table: 'entries', key, value: wanted, done: 'its name leads to it again' })]
  }

  /** Whether the object is there, and says that this is its place. */
  #isAt (id: Buffer, key: Buffer): boolean {
    const bytes = rowAt(this.#tables.records, id)
    return bytes !== undefined && readRecord(id, bytes).record !== undefined && key.equals(entryKeyOf(bytes))
  }

  entry (key: Buffer, value: Buffer): Fault[] {
    const place = placeOf(key)
    const id = readEntry(key, value)?.id
    if (id === undefined) {
      const sound = soundRow(key, value)
      const inside = place === undefined ? key.toString('hex') : `"${place.name}" in container ${idText(place.parent)}`
      return [{ kind: 'place', problem: `The name ${inside} has a row with other bytes than were written`, mends: sound === undefined ? [{ do: 'save', table: 'entries', key }] : putRight('entries', key, sound) }]
    }
    if (place === undefined || id.length === 0 || id.length > maxIDLength) return [{ kind: 'place', problem: `The name ${key.toString('hex')} is not readable`, mends: [{ do: 'save', table: 'entries', key }] }]
    if (this.#lineages.of(id, place.parent) === 'pruned') return []
    const bytes = this.#tables.records.getBinary(id)
    const above = this.#lineages.path(place.parent).path
    const where = above === undefined ? { name: `The name "${place.name}" in container ${idText(place.parent)}` } : { path: `${above}${encodeURIComponent(place.name.toWellFormed())}`, name: `${above}${encodeURIComponent(place.name.toWellFormed())}` }
    const { name, ...object } = { objectID: idText(id), ...where }
    if (bytes === undefined) return [{ kind: 'record', ...object, problem: `${name} leads to object ${idText(id)}, whose record is gone`, mends: [{ do: 'rebuild', id, entry: key, note: 'its record is gone' }] }]
    // A record that is not readable is found with the records.
    const { record, problem } = readRecord(id, bytes)
    if (record === undefined || problem === otherBytes || key.equals(entryKeyOf(bytes))) return []
    return [{ kind: 'place', ...object, problem: `${name} leads to object ${idText(id)}, which is elsewhere`, mends: [{ do: 'remove', table: 'entries', key, done: 'the name leads nowhere any more' }] }]
  }

  segment (key: Buffer, value: Buffer): Fault[] {
    const { segments, records, blobs, references } = this.#tables
    const id = key.subarray(1, 1 + (key[0] ?? 0))
    if (id.length === 0 || id.length > maxIDLength || key.length !== 9 + id.length || !Number.isSafeInteger(offsetOfSegment(key))) return [{ kind: 'segment', problem: `The row ${key.toString('hex')} of the segments is not readable`, mends: [{ do: 'save', table: 'segments', key }] }]
    const segment = readSegment(key, value)
    const sound = segment === undefined ? soundRow(key, value) : undefined
    if (sound !== undefined) {
      const { name, ...object } = this.#at(id)
      return [{ kind: 'segment', ...object, problem: `${name} has a segment at byte ${offsetOfSegment(key)} with other bytes than were written`, mends: putRight('segments', key, sound) }]
    }
    const { offset, length, blob, blobOffset } = segment ?? { offset: offsetOfSegment(key), length: NaN, blob: '', blobOffset: NaN }
    const owner = records.getBinary(id)
    if (owner === undefined) {
      const note = 'its record is gone, and bytes of it are there'
      return [{ kind: 'record', objectID: idText(id), problem: `Object ${idText(id)} has bytes in ${blobNames.test(blob) ? `blob ${blob}` : 'a blob'}, and no record`, mends: [{ do: 'rebuild', id, note }] }]
    }
    const { record } = readRecord(id, owner)
    const hole = segment !== undefined && isHole(segment)
    if ((!hole && !blobNames.test(blob)) || !Number.isSafeInteger(length) || !Number.isSafeInteger(blobOffset)) {
      const [next] = segments.getKeys({ start: Buffer.concat([key, Buffer.from([0])]), end: successor(ownerKey(id)), limit: 1 })
      const end = next === undefined ? record?.size ?? offset + 1 : offsetOfSegment(next)
      return [this.damaged(id, 'segment', `has a segment at byte ${offset} that is not readable`, {}, [{ do: 'hole', key, length: Math.max(1, end - offset) }])]
    }
    const faults: Fault[] = []
    const end = offset + length
    if (!hole && !references.doesExist(referenceKey(blob, key))) {
      const { name, ...object } = this.#at(id)
      const missing = referenceKey(blob, key)
      if (this.#missing.size < mostMissing) this.#missing.add(missing.toString('hex'))
      faults.push({ kind: 'reference', ...object, blob, problem: `${name} is not noted among those that need blob ${blob}`, mends: [{ do: 'put', table: 'references', key: missing, value: sealNote(missing), done: 'it is noted' }] })
    }
    for (const { key: before, value: row } of segments.getRange({ start: key, end: ownerKey(id), reverse: true, exclusiveStart: true, limit: 1 })) {
      const { offset: start, length: bytes } = readSegment(before, row) ?? { offset: 0, length: 0 }
      if (start + bytes > offset) faults.push(this.damaged(id, 'segment', `has two segments for the same bytes, from ${offset} on`))
    }
    if (length === 0 || (record !== undefined && end > record.size)) faults.push(this.damaged(id, 'segment', `has a segment up to byte ${end}, and a size of ${record?.size ?? 0}`))
    if (hole) return faults
    const row = blobs.getBinary(blobKey(blob))
    if (row === undefined) faults.push(this.damaged(id, 'blob', `needs blob ${blob}, of which the store knows nothing more`, { blob }, [{ do: 'readmit', blob }]))
    else if (blobOffset + length > (readBlob(blobKey(blob), row)?.size ?? Infinity)) faults.push(this.damaged(id, 'segment', `needs more bytes of blob ${blob} than that has`, { blob }))
    return faults
  }

  /** Whether it was said that a reference to the blob is missing, and still is. */
  lacksReferences (blob: string): boolean {
    const start = referencePrefix(blob).toString('hex')
    return Array.from(this.#missing).some(key => key.startsWith(start) && !this.#tables.references.doesExist(Buffer.from(key, 'hex')))
  }

  accesses (id: Buffer, value: Buffer): Fault[] {
    const noted = readAccesses(id, value)
    const sound = noted === undefined ? soundRow(id, value) : undefined
    if (sound !== undefined) return [{ kind: 'accesses', objectID: idText(id), problem: `The accesses of object ${idText(id)} have other bytes than were written`, mends: putRight('accesses', id, sound) }]
    if (noted !== undefined && Number.isSafeInteger(noted.count) && this.#tables.records.doesExist(id)) return []
    return [{ kind: 'accesses', objectID: idText(id), problem: `The accesses of object ${idText(id)} are noted, and ${noted === undefined ? 'cannot be read' : 'it is not there'}`, mends: [{ do: 'remove', table: 'accesses', key: id, done: 'they are forgotten' }] }]
  }

  /** A list of containers that were removed: one that is there would lose what is in it. */
  orphan (key: Buffer, value: Buffer): Fault[] {
    const id = key.subarray(1)
    if (readOrphan(key, value) === undefined) return soundRow(key, value) === undefined ? [{ kind: 'orphan', problem: `The row ${key.toString('hex')} of the removed containers is not readable`, mends: [{ do: 'save', table: 'orphans', key }] }] : []
    if (rowAt(this.#tables.records, id) === undefined) return []
    const { name, ...object } = this.#at(id)
    return [{ kind: 'orphan', ...object, problem: `${name} is there, and is noted as removed`, mends: [{ do: 'remove', table: 'orphans', key, done: 'what is in it stays' }] }]
  }

  /** The root, and the container that every path begins in. */
  root (id: Buffer): Fault[] {
    if (this.#tables.records.doesExist(id)) return []
    return [{ kind: 'record', objectID: idText(id), path: '/', problem: `The root container (object ${idText(id)}) has no record`, mends: [{ do: 'rebuild', id, note: 'its record is gone' }] }]
  }
}

/** A row becomes what it was, at the key that it had. */
export function putRight (table: TableName, key: Buffer, sound: SoundRow): Mend[] {
  const put: Mend = { do: 'put', table, key: sound.key, value: sound.value, done: 'one bit of it was wrong, and is right again' }
  return sound.key.equals(key) ? [put] : [put, { do: 'remove', table, key, done: 'it has the key that it had' }]
}

/** The end of a sentence when a value in the record is not what its hash was made of. */
function wrongHash ({ inline, attributes }: StoredRecord): string | undefined {
  const noted = attributes['hash']
  if (inline === undefined || !Array.isArray(noted)) return undefined
  const [algorithm, digits] = noted
  const name = typeof algorithm === 'string' ? algorithms[algorithm] : undefined
  if (name === undefined || typeof digits !== 'string' || hash(name, inline) === digits.toLowerCase()) return undefined
  return 'has a value that is not the one that its hash was made of'
}
