/**
 * The pages of meta.lmdb, looked at without LMDB: that believes what is in its pages, and what is wrong there may end the process, or show less than there is. Here nothing is
 * believed: each page says where it is, is of its kind and reached once, its nodes fill it without gaps, keys ascend and lie between those above, and all of it adds up to
 * what the table says of itself. As LMDB's data format 2 has them on little-endian machines.
 */
import { readSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { toStorageError } from '../../storage-errors.js'
import { PageMarks } from './page-marks.js'
import { headLength, numberAt, readHeads, type Tree, treeIn, treeLength } from '../lmdb-heads.js'

/** Found in a page; the end of a sentence. */
class WrongPage extends Error {}

const nodeHead = 8
const overflowLength = 24
const kinds = { branch: 1, leaf: 2, overflow: 4 } as const
/** Of nodes: the data is on pages of its own, or a table. */
const bigFlag = 1
const tableFlag = 2
/** Pages after which others have their turn. */
const atOnce = 200

interface Counts { branchPages: number, leafPages: number, overflowPages: number, entries: number }

interface Level {
  readonly page: number
  readonly depth: number
  /** Keys below are not less than this; less than `end`. */
  readonly start: Buffer | undefined
  readonly end: Buffer | undefined
}

/** What is wrong with the structure of the file, in one sentence; undefined: nothing. No more than the newest transaction of now is looked at: the caller holds it. Throws a StorageError when it cannot be read. */
export async function structureProblem (path: string, signal: AbortSignal): Promise<string | undefined> {
  const file = await open(path, 'r').catch((error: unknown) => { throw toStorageError(error, `opening ${path}`) })
  try {
    await new PageWalk(file, signal).run()
    return undefined
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof WrongPage) return error.message
    throw toStorageError(error, `reading ${path}`)
  } finally {
    await file.close()
  }
}

class PageWalk {
  readonly #file: FileHandle
  readonly #signal: AbortSignal
  #seen = new PageMarks(0)
  #pageSize = 0
  #last = 0
  #transaction = 0

  constructor (file: FileHandle, signal: AbortSignal) {
    this.#file = file
    this.#signal = signal
  }

  async run (): Promise<void> {
    const heads = readHeads(this.#file.fd)
    if (typeof heads === 'string') throw new WrongPage(heads)
    const { free, main, lastPage, transaction, pageSize } = heads
    this.#pageSize = pageSize
    this.#last = lastPage
    // What the head says may be what is wrong with it; and behind the end of the file there is nothing to be come to.
    this.#seen = new PageMarks(Math.min(lastPage, Math.ceil((await this.#file.stat()).size / pageSize)))
    this.#transaction = transaction
    // Numbers are its keys, in the order of the machine.
    await this.#tree('The list of free pages', free, false)
    const tables: Array<{ name: string, tree: Tree }> = []
    await this.#tree('The list of tables', main, false, (key, data) => {
      if (data.length !== treeLength) throw new WrongPage('The list of tables has one that is not readable')
      tables.push({ name: key.toString('latin1').replace(/\0.*$/, ''), tree: treeIn(data, 0) })
    })
    for (const { name, tree } of tables) await this.#tree(`The table of the ${name}`, tree, true)
  }

  /** At once: a page is there sooner than a promise. */
  #read (at: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length)
    const bytesRead = readSync(this.#file.fd, bytes, 0, length, at)
    if (bytesRead < length) throw new WrongPage(`It ends at byte ${at + bytesRead}, before all that it should have`)
    return bytes
  }

  /** One that nobody has come to before. */
  async #page (number: number, what: string): Promise<Buffer> {
    if (number < 2 || number > this.#last || !this.#seen.add(number)) throw new WrongPage(`${what} has a page ${number}, which is not one of its own`)
    if (this.#seen.count % atOnce === 0) {
      await setImmediate()
      this.#signal.throwIfAborted()
    }
    const page = this.#read(number * this.#pageSize, this.#pageSize)
    if (numberAt(page, 0) !== number) throw new WrongPage(`${what} has a page ${number} that says it is another one`)
    if (numberAt(page, 8) > this.#transaction) throw new WrongPage(`${what} has a page ${number} that is newer than all that was written`)
    return page
  }

  async #tree (what: string, tree: Tree, ordered: boolean, each?: (key: Buffer, data: Buffer) => void): Promise<void> {
    const counts: Counts = { branchPages: 0, leafPages: 0, overflowPages: 0, entries: 0 }
    const levels: Level[] = tree.root === undefined ? [] : [{ page: tree.root, depth: 1, start: undefined, end: undefined }]
    for (let level = levels.pop(); level !== undefined; level = levels.pop()) {
      const { page: number, depth } = level
      const wrong = (why: string): WrongPage => new WrongPage(`${what} has a page ${number} ${why}`)
      const page = await this.#page(number, what)
      const kind = depth === tree.depth ? kinds.leaf : kinds.branch
      if (depth > tree.depth || page.readUInt16LE(18) !== kind) throw wrong('of another kind than it should be')
      const nodes = nodesIn(page, wrong)
      const keys = nodes.map(({ key }) => key)
      // The first key of a branch stands for all that is less.
      if (ordered && !areBetween(kind === kinds.branch ? keys.slice(1) : keys, level)) throw wrong('whose keys are not in order')
      if (kind === kinds.branch) {
        counts.branchPages++
        if (nodes.length < 2) throw wrong('with nothing to choose from')
        for (const [at, { child }] of nodes.entries()) levels.push({ page: child, depth: depth + 1, start: at === 0 ? level.start : keys[at], end: keys[at + 1] ?? level.end })
        continue
      }
      counts.leafPages++
      counts.entries += nodes.length
      for (const { key, data, size, flags } of nodes) {
        if ((flags & ~(bigFlag | tableFlag)) !== 0 || (each === undefined && (flags & tableFlag) !== 0)) throw wrong('with a row of a kind that there is none of')
        if ((flags & bigFlag) !== 0) counts.overflowPages += await this.#overflow(what, data, size)
        else each?.(key, data)
      }
    }
    for (const name of ['branchPages', 'leafPages', 'overflowPages', 'entries'] as const) {
      if (counts[name] !== tree[name]) throw new WrongPage(`${what} has ${counts[name]} ${name === 'entries' ? 'rows' : 'pages of one kind'}, and should have ${tree[name]}`)
    }
  }

  /** A long row, on pages of its own; answers how many. */
  async #overflow (what: string, data: Buffer, size: number): Promise<number> {
    const number = numberAt(data, 0)
    const page = await this.#page(number, what)
    const pages = page.readUInt32LE(20)
    if ((page.readUInt16LE(18) & ~kinds.overflow) !== 0 || pages !== Math.floor((headLength - 1 + size) / this.#pageSize) + 1 || pages !== numberAt(data, 16)) throw new WrongPage(`${what} has a page ${number} of another kind or length than it should be`)
    for (let more = number + 1; more < number + pages; more++) {
      if (more > this.#last || !this.#seen.add(more)) throw new WrongPage(`${what} has a page ${more}, which is not one of its own`)
    }
    return pages
  }
}

interface Node { readonly key: Buffer, readonly data: Buffer, readonly size: number, readonly flags: number, readonly child: number }

function nodesIn (page: Buffer, wrong: (why: string) => WrongPage): Node[] {
  // Places are counted from the end of the head.
  const [lower, upper] = [headLength + page.readUInt16LE(20), headLength + page.readUInt16LE(22)]
  if (lower < headLength || lower % 2 !== 0 || lower > upper || upper > page.length) throw wrong('whose head is not readable')
  const isBranch = page.readUInt16LE(18) === kinds.branch
  const nodes: Node[] = []
  const places: Array<readonly [from: number, to: number]> = []
  for (let at = headLength; at < lower; at += 2) {
    const start = headLength + page.readUInt16LE(at)
    if (start < upper || start % 2 !== 0 || start + nodeHead > page.length) throw wrong('whose rows are not where it says')
    const [low, high, flags, keyLength] = [page.readUInt16LE(start), page.readUInt16LE(start + 2), page.readUInt16LE(start + 4), page.readUInt16LE(start + 6)]
    const size = high * 65536 + low
    const dataStart = start + nodeHead + keyLength
    const dataLength = isBranch ? 0 : (flags & bigFlag) !== 0 ? overflowLength : size
    const end = dataStart + dataLength
    if (end > page.length) throw wrong('with a row that is longer than it')
    places.push([start, end + end % 2])
    nodes.push({ key: page.subarray(start + nodeHead, dataStart), data: page.subarray(dataStart, end), size, flags, child: flags * 2 ** 32 + size })
  }
  // They lie side by side at the end of the page.
  let at = upper
  for (const [from, to] of places.sort(([one], [other]) => one - other)) {
    if (from !== at) throw wrong('whose rows overlap, or leave gaps')
    at = to
  }
  if (at !== page.length) throw wrong('whose rows overlap, or leave gaps')
  return nodes
}

function areBetween (keys: readonly Buffer[], { start, end }: Level): boolean {
  const [first] = keys
  const last = keys.at(-1)
  if (first !== undefined && start !== undefined && first.compare(start) < 0) return false
  if (last !== undefined && end !== undefined && last.compare(end) >= 0) return false
  return keys.every((key, at) => at === 0 || (keys[at - 1]?.compare(key) ?? -1) < 0)
}
