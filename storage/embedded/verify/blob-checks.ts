/** Blobs: their rows, who needs them, and their files. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { BlobID } from '../../contract.js'
import { BlockSums, isHashOf, isKnownHash } from '../../files/block-sums.js'
import { hasCode } from '../../storage-errors.js'
import { readU64, successor } from '../bytes.js'
import { decodeBlobRow } from '../change-writer.js'
import { blobKey, referencePrefix, trashKey } from '../keys.js'
import { isReferenced, readSegment } from '../segment-writer.js'
import { rowAt, type Tables } from '../tables.js'
import { blobNames } from './blob-names.js'
import type { Fault, Mend } from './faults.js'
import type { ObjectChecks } from './object-checks.js'

const hashes = /^[a-z0-9]+:[0-9a-f]+$/
const readSize = 256 * 1024
const otherBytes = 'has other bytes than were written'

export interface BlobChecksOptions {
  readonly directory: string
  /** Whether bytes are read. */
  readonly values: boolean
  readonly signal: AbortSignal
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

  /** What the tables say of a blob. */
  row (key: Buffer, row: Buffer): Fault[] {
    const blob = key.toString()
    if (!blobNames.test(blob)) return [{ kind: 'blob', problem: `The row ${key.toString('hex')} of the blobs is not readable`, mends: [{ do: 'save', table: 'blobs', key }] }]
    if (isReferenced(this.#tables, blob)) return isReadable(row) ? [] : this.ofOwners(blob, 'has a row that is not readable', [{ do: 'readmit', blob }])
    const since = isReadable(row) ? readU64(row, 0) : 0
    if (since > 0 && this.#tables.trash.doesExist(trashKey(since, blob))) return []
    return [{ kind: 'trash', blob, problem: `Blob ${blob} is needed by nothing, and would never be removed`, mends: [{ do: 'trash', blob }] }]
  }

  /** What the disk says of it. `tell` is told of bytes that were looked at. */
  async file (blob: BlobID, row: Buffer, tell: (bytes: number) => void): Promise<Fault[]> {
    if (!isReadable(row) || !this.#isNeeded(blob)) return []
    const { size, hash } = decodeBlobRow(row)
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
    const prefix = referencePrefix(blob)
    for (const key of this.#tables.references.getKeys({ start: prefix, end: successor(prefix) })) {
      const segment = key.subarray(prefix.length)
      const id = segment.subarray(1, 1 + (segment[0] ?? 0))
      owners.set(id.toString('hex'), Buffer.from(id))
    }
    return Array.from(owners.values(), id => this.#objects.damaged(id, 'blob', `has lost bytes of its value: blob ${blob} ${problem}`, { blob, file: `blobs/${blob}` }, first))
  }

  reference (key: Buffer): Fault[] {
    const end = key.indexOf(0)
    const blob = key.toString('utf8', 0, end)
    const segment = key.subarray(end + 1)
    const row = end > 0 && segment.length > 9 ? rowAt(this.#tables.segments, segment) : undefined
    if (row !== undefined && row.length > 16 && readSegment(segment, row)?.blob === blob) return []
    return [{ kind: 'reference', ...end > 0 && { blob }, problem: `Blob ${end > 0 ? blob : key.toString('hex')} is noted as needed by something that does not need it`, mends: [{ do: 'remove', table: 'references', key, done: 'the note is gone' }, ...blobNames.test(blob) ? [{ do: 'trash' as const, blob }] : []] }]
  }

  trash (key: Buffer): Fault[] {
    if (key.length > 8 && blobNames.test(key.toString('utf8', 8))) return []
    return [{ kind: 'trash', problem: `The row ${key.toString('hex')} of the trash is not readable`, mends: [{ do: 'save', table: 'trash', key }] }]
  }

  doomed (key: Buffer): Fault[] {
    const blob = key.toString()
    if (!blobNames.test(blob)) return [{ kind: 'trash', problem: `The row ${key.toString('hex')} of what is to be removed is not readable`, mends: [{ do: 'save', table: 'doomed', key }] }]
    if (!isReferenced(this.#tables, blob)) return []
    return [{ kind: 'trash', blob, problem: `Blob ${blob} is about to be removed, and is needed`, mends: [{ do: 'remove', table: 'doomed', key, done: 'it stays' }] }]
  }
}

/** Whether it says how long the blob is, and what its bytes add up to. */
export function isReadable (row: Buffer): boolean {
  return row.length > 16 && Number.isSafeInteger(readU64(row, 0)) && Number.isSafeInteger(readU64(row, 8)) && hashes.test(row.toString('latin1', 16))
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
