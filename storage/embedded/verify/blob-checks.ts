/** Blobs: their rows, who needs them, and their files. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { BlobID } from '../../contract.js'
import { BlockSums, isHashOf, isKnownHash } from '../../files/block-sums.js'
import { hasCode } from '../../storage-errors.js'
import { type BlobRow, linksIn, readBlob, referencesTo, sealBlob } from '../blob-rows.js'
import { blobKey, referencePrefix, trashKey } from '../keys.js'
import { isSoundNote, sealNote } from '../note-rows.js'
import { readOrphan } from '../orphan-rows.js'
import { isReferenced, readSegment } from '../segment-writer.js'
import { rowAt, type TableName, type Tables } from '../tables.js'
import { blobNames } from './blob-names.js'
import type { Fault, Mend } from './faults.js'
import { type ObjectChecks, putRight } from './object-checks.js'
import { soundRow } from './single-bits.js'

const hashes = /^[a-z0-9]+:[0-9a-f]+$/
const readSize = 256 * 1024
const otherBytes = 'has other bytes than were written'

export interface BlobChecksOptions {
  readonly directory: string
  /** Whether bytes are read. */
  readonly values: boolean
  readonly signal: AbortSignal
}

const isSound = {
  blobs: (key: Buffer, row: Buffer) => readBlob(key, row) !== undefined,
  trash: isSoundNote,
  orphans: (key: Buffer, row: Buffer) => readOrphan(key, row) !== undefined
}

export class BlobChecks {
  readonly #tables: Tables
  readonly #objects: ObjectChecks
  readonly #options: BlobChecksOptions

  constructor (tables: Tables, objects: ObjectChecks, options: BlobChecksOptions) {
    this.#tables = tables
    this.#objects = objects
    this.#options = options
  }

  /** One wrong bit of what other tables are compared with: looked for before all else, so that what only seems to be gone is not given up. */
  oneBit (table: 'blobs' | 'trash' | 'orphans', key: Buffer, row: Buffer): Fault[] {
    if (isSound[table](key, row)) return []
    const sound = soundRow(key, row)
    if (sound === undefined) return []
    const what = { blobs: 'blobs', trash: 'trash', orphans: 'removed containers' }[table]
    return [{ kind: table === 'blobs' ? 'blob' : table === 'trash' ? 'trash' : 'orphan', problem: `The row ${nameOf(key, table)} of the ${what} has other bytes than were written`, mends: putRight(table, key, sound) }]
  }

  /** What the tables say of a blob. */
  row (key: Buffer, row: Buffer): Fault[] {
    const blob = key.toString()
    const noted = readableBlob(key, row)
    // Told already.
    if (noted === undefined && soundRow(key, row) !== undefined) return []
    if (!blobNames.test(blob)) return [{ kind: 'blob', problem: `The row ${key.toString('hex')} of the blobs is not readable`, mends: [{ do: 'save', table: 'blobs', key }] }]
    const isNeeded = isReferenced(this.#tables, blob)
    if (noted === undefined) {
      return isNeeded
        ? this.ofOwners(blob, 'has a row that is not readable', [{ do: 'readmit', blob }])
        : [{ kind: 'blob', blob, problem: `What is noted of blob ${blob} is not readable, and nothing needs it`, mends: [{ do: 'save', table: 'blobs', key }] }]
    }
    const { since } = noted
    if (!isNeeded && (since === 0 || !this.#tables.trash.doesExist(trashKey(since, blob)))) {
      return [{ kind: 'trash', blob, problem: `Blob ${blob} is needed by nothing, and would never be removed`, mends: [{ do: 'trash', blob }] }]
    }
    return this.#links(key, noted)
  }

  /** What the references of a blob add up to, and what was noted of that. */
  #links (key: Buffer, noted: BlobRow): Fault[] {
    const blob = key.toString()
    if (noted.links === undefined) return []
    const { references } = this.#tables
    const links = linksIn(references, blob)
    // Where one is missing or too many that explains it, and was told.
    if (links === noted.links || this.#objects.lacksReferences(blob) || referencesTo(references, blob).some(key => !this.#isTrue(key))) return []
    return [{ kind: 'reference', blob, problem: `The notes of what needs blob ${blob} are others than were written`, mends: [{ do: 'put', table: 'blobs', key, value: sealBlob(key, { ...noted, links }), done: 'those that follow from the maps of values count' }] }]
  }

  /** What the disk says of it. `tell` is told of bytes that were looked at. */
  async file (blob: BlobID, row: Buffer, tell: (bytes: number) => void): Promise<Fault[]> {
    const noted = readableBlob(blobKey(blob), row)
    if (noted === undefined || !this.#isNeeded(blob)) return []
    const { size, hash } = noted
    const problem = await this.#problemOf(blob, size, hash, tell)
    // Once more, for it may have been removed meanwhile.
    this.#tables.env.resetReadTxn()
    return problem === undefined || !this.#isNeeded(blob) ? [] : this.ofOwners(blob, problem, problem === otherBytes ? [{ do: 'heal', blob }] : [])
  }

  #isNeeded (blob: BlobID): boolean {
    return this.#tables.blobs.doesExist(blobKey(blob)) && isReferenced(this.#tables, blob)
  }

  async #problemOf (blob: BlobID, size: number, hash: string, tell: (bytes: number) => void): Promise<string | undefined> {
    const path = join(this.#options.directory, 'blobs', blob)
    try {
      const { size: length } = await stat(path)
      if (length !== size) return `has ${length} bytes where ${size} were written`
      if (!this.#options.values) {
        tell(size)
        return undefined
      }
      if (!isKnownHash(hash)) return 'has a checksum that this build cannot check'
      return isHashOf(hash, await sumsOf(path, this.#options.signal, tell)) ? undefined : otherBytes
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) return 'is gone'
      if (hasCode(error, 'EIO', 'EISDIR')) return 'cannot be read'
      throw error
    }
  }

  /** One fault for each object that needs the blob. */
  ofOwners (blob: BlobID, problem: string, first: readonly Mend[]): Fault[] {
    const owners = new Map<string, Buffer>()
    const { length } = referencePrefix(blob)
    for (const key of referencesTo(this.#tables.references, blob)) {
      const segment = key.subarray(length)
      const id = segment.subarray(1, 1 + (segment[0] ?? 0))
      owners.set(id.toString('hex'), Buffer.from(id))
    }
    return Array.from(owners.values(), id => this.#objects.damaged(id, 'blob', `has lost bytes of its value: blob ${blob} ${problem}`, { blob, file: `blobs/${blob}` }, first))
  }

  reference (key: Buffer, value: Buffer): Fault[] {
    const end = key.indexOf(0)
    const blob = key.toString('utf8', 0, end)
    if (this.#isTrue(key)) {
      return isSoundNote(key, value) ? [] : [{ kind: 'reference', blob, problem: `The note that something needs blob ${blob} has other bytes than were written`, mends: [{ do: 'put', table: 'references', key, value: sealNote(key), done: 'it is as it was' }] }]
    }
    return [{ kind: 'reference', ...end > 0 && { blob }, problem: `Blob ${end > 0 ? blob : key.toString('hex')} is noted as needed by something that does not need it`, mends: [{ do: 'remove', table: 'references', key, done: 'the note is gone' }, ...blobNames.test(blob) ? [{ do: 'trash' as const, blob }] : []] }]
  }

  /** Whether the segment is there, and names the blob. */
  #isTrue (reference: Buffer): boolean {
    const end = reference.indexOf(0)
    const segment = reference.subarray(end + 1)
    const row = end > 0 && segment.length > 9 ? rowAt(this.#tables.segments, segment) : undefined
    return row !== undefined && row.length > 16 && readSegment(segment, row)?.blob === reference.toString('utf8', 0, end)
  }

  trash (key: Buffer, value: Buffer): Fault[] {
    const isSound = isSoundNote(key, value)
    if ((isSound && key.length > 8 && blobNames.test(key.toString('utf8', 8))) || (!isSound && soundRow(key, value) !== undefined)) return []
    return [{ kind: 'trash', problem: `The row ${key.toString('hex')} of the trash is not readable`, mends: [{ do: 'save', table: 'trash', key }] }]
  }

  doomed (key: Buffer, value: Buffer): Fault[] {
    const blob = key.toString()
    if (!isSoundNote(key, value)) {
      const sound = soundRow(key, value)
      return [{ kind: 'trash', problem: `The row ${nameOf(key, 'doomed')} of what is to be removed has other bytes than were written`, mends: sound === undefined ? [{ do: 'save', table: 'doomed', key }] : putRight('doomed', key, sound) }]
    }
    if (!blobNames.test(blob)) return [{ kind: 'trash', problem: `The row ${key.toString('hex')} of what is to be removed is not readable`, mends: [{ do: 'save', table: 'doomed', key }] }]
    if (!isReferenced(this.#tables, blob)) return []
    return [{ kind: 'trash', blob, problem: `Blob ${blob} is about to be removed, and is needed`, mends: [{ do: 'remove', table: 'doomed', key, done: 'it stays' }] }]
  }
}

/** What is noted of a blob; undefined where that does not say how long it is, and what its bytes add up to. */
export function readableBlob (key: Buffer, row: Buffer): BlobRow | undefined {
  const noted = readBlob(key, row)
  return noted !== undefined && Number.isSafeInteger(noted.since) && Number.isSafeInteger(noted.size) && hashes.test(noted.hash) ? noted : undefined
}

/** Of a key that may be anything. */
function nameOf (key: Buffer, table: TableName): string {
  const name = table === 'trash' ? key.toString('utf8', 8) : key.toString()
  return blobNames.test(name) ? name : key.toString('hex')
}

/** The checksums of a file, as they are kept. */
export async function sumsOf (path: string, signal: AbortSignal, tell: (bytes: number) => void = () => {}): Promise<{ readonly size: number, readonly crc32: string, readonly blocks: string }> {
  const blocks = new BlockSums()
  let [size, sum] = [0, 0]
  const chunks: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: readSize, signal })
  for await (const chunk of chunks) {
    sum = crc32(chunk, sum)
    blocks.push(chunk)
    size += chunk.length
    tell(chunk.length)
  }
  return { size, crc32: `crc32:${sum.toString(16).padStart(8, '0')}`, blocks: blocks.hash() }
}
