/**
 * Room at the end of `meta.lmdb`, taken from the disk before LMDB needs it. Where a write of its own fails for lack of space LMDB makes a message of it that is longer
 * than the memory it has for that, and the process may die (lmdb 3.5.6, mdb_page_flush). So it must never come to that: what might not fit is refused before.
 * And what gives space back must be possible on a full disk: the last of the room is kept for it.
 */
import { closeSync, fstatSync, openSync, writeSync } from 'node:fs'
import { StorageError } from '../contract.js'
import { toStorageError } from '../storage-errors.js'
import type { Table, Tables } from './tables.js'

/** Bytes that are there beyond what the next transaction may need. Half of them are for changes that take space, a quarter is never used. */
const reserve = 1024 * 1024
/** How far the file is ahead of what a transaction may need once it has grown: with each flush of a file that grows the file system writes down more than its pages, so it is to be seldom. */
const step = 1024 * 1024
/** The most that it grows beyond its end, reserve aside, however much a transaction may need. */
const mostAhead = 64 * 1024 * 1024
const zeros = Buffer.alloc(256 * 1024)

/** What LMDB says of a table, and with the outermost one of the whole file: in pages. */
interface Pages {
  readonly pageSize: number
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
}

interface FilePages extends Pages {
  readonly lastPageNumber: number
  /** Of the table of tables, and of the one of free pages. */
  readonly root: Pages
  readonly free: Pages
}

export class FileRoom {
  readonly #path: string
  readonly #tables: Tables
  readonly #file: number
  #size: number

  constructor (path: string, tables: Tables) {
    this.#path = path
    this.#tables = tables
    this.#file = openSync(path, 'r+')
    this.#size = fstatSync(this.#file).size
  }

  /**
   * To be called at the beginning of a transaction, that writes `need` bytes at most. `gives`: it does not, on the whole, take space. Throws a StorageError 'full' when it
   * might not fit.
   */
  require (need: number, gives: boolean): void {
    const { lastPageNumber, pageSize } = this.#stats()
    const end = (lastPageNumber + 1) * pageSize
    // Were it ever beyond what was foreseen: not one of its pages may be overwritten.
    this.#size = Math.max(this.#size, end)
    if (this.#size - end >= reserve + need) return
    if (this.#grow(end + reserve + Math.min(mostAhead, need + step))) return
    const ahead = this.#size - end
    if (gives ? ahead >= reserve / 4 : ahead >= reserve / 2 + need) return
    // Room within the file is not in one piece, so that a little of that at its end may be needed all the same.
    if (!gives && ahead >= reserve / 4 + need && this.#unused() >= 2 * need) return
    throw new StorageError('full', `There is no space left for ${this.#path} to grow`)
  }

  close (): void {
    closeSync(this.#file)
  }

  /** False: the disk has no more. What there was of it is taken. */
  #grow (to: number): boolean {
    try {
      while (this.#size < to) this.#size += writeSync(this.#file, zeros, 0, Math.min(zeros.length, to - this.#size), this.#size)
      return true
    } catch (error) {
      const known = toStorageError(error, `making room in ${this.#path}`)
      if (known.reason === 'full') return false
      throw known
    }
  }

  /** Bytes of pages in the file that no table has. */
  #unused (): number {
    const { env, names: _, ...tables } = this.#tables
    const { pageSize, lastPageNumber, root, free } = this.#stats()
    const used = [root, free, ...Object.values<Table>(tables).map(table => table.getStats() as Pages)].reduce((sum, pages) => sum + countOf(pages), 0)
    // Two pages say where all others are.
    return (lastPageNumber - 1 - used) * pageSize
  }

  #stats (): FilePages {
    return this.#tables.env.getStats() as FilePages
  }
}

function countOf ({ treeBranchPageCount, treeLeafPageCount, overflowPages }: Pages): number {
  return treeBranchPageCount + treeLeafPageCount + overflowPages
}
