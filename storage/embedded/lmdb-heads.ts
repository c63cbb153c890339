/**
 * The two heads of a file of LMDB, each on a page of its own, written in turn: the newer one counts. LMDB itself believes them, and ends the process where they are wrong. As its data
 * format 2 has them on little-endian machines.
 */
import { closeSync, fdatasyncSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { endianness } from 'node:os'
import { StorageError } from '../contract.js'
import { hasCode, toStorageError } from '../storage-errors.js'

/** Of every page. */
export const headLength = 24
/** Of what is noted of a table. */
export const treeLength = 48
const magic = 0xbeefc0de
const dataVersion = 2
const metaFlag = 8
const metaLength = 24 + 2 * treeLength + 16
/** Where a head has the number of its transaction, counted from the beginning of its page. */
const transactionAt = headLength + 24 + 2 * treeLength + 8
const noPage = 0xffff_ffff_ffff_ffffn
const smallestPage = 512
const largestPage = 65536
/** While a server writes the two may be read from different moments. */
const attempts = 5

/** What is noted of a table: how many levels, pages of each kind, and rows it has, and where it begins. */
export interface Tree {
  readonly depth: number
  readonly branchPages: number
  readonly leafPages: number
  readonly overflowPages: number
  readonly entries: number
  readonly root: number | undefined
}

export interface Heads {
  readonly pageSize: number
  /** The list of free pages, and the one of tables. */
  readonly free: Tree
  readonly main: Tree
  readonly lastPage: number
  readonly transaction: number
}

/** Throws a StorageError 'corrupt' when the file is there, not empty, and not one that LMDB can open safely. */
export function requireHeads (path: string): void {
  if (endianness() !== 'LE') return
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return
    throw toStorageError(error, `opening ${path}`)
  }
  try {
    if (fstatSync(file).size === 0) return
    const heads = readHeads(file)
    if (typeof heads === 'string') throw new StorageError('corrupt', `${path} is damaged; what can be done is to restore a backup. ${heads}`)
  } finally {
    closeSync(file)
  }
}

/**
 * Takes back the commit after `last` where its head is in the file although LMDB was told that it could not be written: others who have the file open count without it, and write over
 * its pages, while who opens it first would believe it. To be called when nobody in this process has it open. Nobody was told of the commit. Throws what the system says.
 */
export function takeBack (path: string, last: number): void {
  if (endianness() !== 'LE') return
  const file = openSync(path, 'r+')
  try {
    const heads = readHeads(file)
    if (typeof heads === 'string') throw new StorageError('corrupt', `${path} is damaged; what can be done is to restore a backup. ${heads}`)
    if (heads.transaction === last + 1) {
      const number = Buffer.alloc(8)
      // As the head that was in its place has it.
      number.writeBigUInt64LE(BigInt(last - 1))
      writeSync(file, number, 0, number.length, (heads.transaction % 2) * heads.pageSize + transactionAt)
    }
    // LMDB takes it back, too, but nobody waits for that to get onto the disk.
    fdatasyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** The newer one of the heads; or what is wrong with them, a sentence without its dot. */
export function readHeads (file: number): Heads | string {
  let problem = ''
  for (let attempt = 0; attempt < attempts; attempt++) {
    const heads = headsOnce(file)
    if (typeof heads !== 'string') return heads
    problem = heads
  }
  return problem
}

function headsOnce (file: number): Heads | string {
  const bytes = Buffer.alloc(largestPage + headLength + metaLength)
  const length = readSync(file, bytes, 0, bytes.length, 0)
  // Where the second one is the first one says, which may be what is damaged.
  for (let size = smallestPage; size <= largestPage; size *= 2) {
    if (length < size + headLength + metaLength) break
    const [even, odd] = [headIn(bytes, 0, 0), headIn(bytes, size, 1)]
    if (even === undefined || odd === undefined || odd.pageSize !== size || even.pageSize !== size) continue
    if (Math.abs(even.transaction - odd.transaction) > 1) return 'Its two heads do not fit together: what was written last may not be seen'
    return even.transaction > odd.transaction ? even : odd
  }
  return 'Its head is not readable'
}

function headIn (bytes: Buffer, start: number, place: number): Heads | undefined {
  const at = start + headLength
  if ((bytes.readUInt16LE(start + 18) & metaFlag) === 0 || bytes.readUInt32LE(at) !== magic || (bytes.readUInt32LE(at + 4) & 0xffff) !== dataVersion) return undefined
  const end = at + 24 + 2 * treeLength
  const transaction = numberAt(bytes, end + 8)
  // A new file has two heads of no transaction at all.
  if (!Number.isSafeInteger(transaction) || (transaction > 0 && transaction % 2 !== place)) return undefined
  return { pageSize: bytes.readUInt32LE(at + 24), free: treeIn(bytes, at + 24), main: treeIn(bytes, at + 24 + treeLength), lastPage: numberAt(bytes, end), transaction }
}

/** What is noted of a table, in its place. */
export function treeIn (bytes: Buffer, at: number): Tree {
  const root = bytes.readBigUInt64LE(at + 40)
  return {
    depth: bytes.readUInt16LE(at + 6),
    branchPages: numberAt(bytes, at + 8),
    leafPages: numberAt(bytes, at + 16),
    overflowPages: numberAt(bytes, at + 24),
    entries: numberAt(bytes, at + 32),
    root: root === noPage ? undefined : Number(root)
  }
}

/** Up to 2⁵³ exactly, as they all are. */
export function numberAt (bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at))
}
