/**
 * A disk that loses what it was not told to flush, by a trace of system calls: what would be on it had the power failed at some line. Of what was not flushed
 * any part may be there, in any order, down to pages; that is left to chance.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Chance } from '../helpers/chance.js'
import { type Call, fileOf, lastNumber, stringsOf } from './trace.js'

interface Write {
  readonly at: number
  readonly data: Buffer
  ended: boolean
}

/** Bytes that grow as they are written to. */
class Bytes {
  #room = Buffer.alloc(page)
  #length = 0

  write (at: number, data: Buffer): void {
    const end = at + data.length
    if (end > this.#room.length) this.#room = Buffer.concat([this.#room], Math.max(end, this.#room.length * 2))
    data.copy(this.#room, at)
    this.#length = Math.max(this.#length, end)
  }

  copy (): Bytes {
    const copy = new Bytes()
    copy.write(0, this.all())
    return copy
  }

  all (): Buffer {
    return this.#room.subarray(0, this.#length)
  }
}

class DiskFile {
  #flushed = new Bytes()
  #waiting: Write[] = []

  begin (at: number, data: Buffer): Write {
    const write = { at, data, ended: false }
    this.#waiting.push(write)
    return write
  }

  /** Those that a flush that begins now is about. */
  ended (): ReadonlySet<Write> {
    return new Set(this.#waiting.filter(({ ended }) => ended))
  }

  flush (writes: ReadonlySet<Write>): void {
    for (const write of this.#waiting) if (writes.has(write)) this.#flushed.write(write.at, write.data)
    this.#waiting = this.#waiting.filter(write => !writes.has(write))
  }

  /** Nothing of it is left. */
  empty (): void {
    this.#flushed = new Bytes()
    this.#waiting = []
  }

  after (chance: Chance): Buffer {
    const bytes = this.#flushed.copy()
    for (const { at, data } of this.#waiting) {
      for (let from = 0; from < data.length; from += page) {
        if (chance.int(2) === 0) bytes.write(at + from, data.subarray(from, from + page))
      }
    }
    return bytes.all()
  }
}

const page = 4096

type Entry = DiskFile | DiskDirectory

/** Names that come and go at once. */
type Renaming = ReadonlyMap<string, Entry | undefined>

class DiskDirectory {
  readonly entries = new Map<string, Entry>()
  readonly #flushed = new Map<string, Entry>()
  #waiting: Renaming[] = []

  change (renaming: Renaming): void {
    apply(this.entries, renaming)
    this.#waiting.push(renaming)
  }

  waiting (): ReadonlySet<Renaming> {
    return new Set(this.#waiting)
  }

  flush (changes: ReadonlySet<Renaming>): void {
    for (const change of this.#waiting) if (changes.has(change)) apply(this.#flushed, change)
    this.#waiting = this.#waiting.filter(change => !changes.has(change))
  }

  after (chance: Chance): ReadonlyMap<string, Entry> {
    const entries = new Map(this.#flushed)
    for (const change of this.#waiting) if (chance.int(2) === 0) apply(entries, change)
    return entries
  }
}

function apply (entries: Map<string, Entry>, renaming: Renaming): void {
  for (const [name, entry] of renaming) entry === undefined ? entries.delete(name) : entries.set(name, entry)
}

interface Opened {
  readonly entry: Entry
  readonly synchronous: boolean
  at: number
}

/** What a process does below a directory, which is there and empty at the beginning. */
export class LosingDisk {
  readonly #root: string
  readonly #top = new DiskDirectory()
  readonly #opened = new Map<number, Opened>()
  /** What a flush or a write that is under way will have done at its end. */
  readonly #ends = new Map<Call, () => void>()

  constructor (root: string) {
    this.#root = root
  }

  /** What of it is on the disk after the power has failed is written to a directory that is not there yet. */
  async save (directory: string, chance: Chance): Promise<void> {
    await saveAll(this.#top, directory, chance)
  }

  begin (call: Call): void {
    const { fd } = fileOf(call)
    const opened = this.#opened.get(fd)
    // Another thread may have been given the number before the end of this is seen.
    if (call.name === 'close') this.#opened.delete(fd)
    else if (call.name === 'fsync' || call.name === 'fdatasync') {
      const entry = opened?.entry
      if (entry instanceof DiskFile) {
        const writes = entry.ended()
        this.#ends.set(call, () => { if (call.result === 0) entry.flush(writes) })
      } else if (entry !== undefined) {
        const changes = entry.waiting()
        this.#ends.set(call, () => { if (call.result === 0) entry.flush(changes) })
      }
    } else if (/^p?writev?(64|2)?$/.test(call.name) && opened?.entry instanceof DiskFile) {
      const { entry, synchronous } = opened
      const data = Buffer.concat(stringsOf(call))
      const write = entry.begin(call.name.startsWith('p') ? lastNumber(call) : opened.at, data)
      if (!call.name.startsWith('p')) opened.at += data.length
      this.#ends.set(call, () => {
        if ((call.result ?? data.length) !== data.length) throw new Error(`line ${call.begin + 1}: a write was cut short`)
        write.ended = true
        if (synchronous) entry.flush(new Set([write]))
      })
    }
  }

  end (call: Call): void {
    this.#ends.get(call)?.()
    this.#ends.delete(call)
    const { name, args, result = -1 } = call
    if (result < 0) return
    const { fd } = fileOf(call)
    if (name === 'lseek') this.#seek(fd, result)
    else if (/^(open|openat|mkdir|unlink|rmdir|rename|ftruncate|truncate|fallocate|link|linkat|symlink|renameat2?)$/.test(name)) {
      const paths = name === 'ftruncate' || name === 'fallocate' ? [fileOf(call).path] : stringsOf(call).map(String)
      const inside = paths.filter(path => path.startsWith(this.#root + '/') || path === this.#root)
      if (inside.length > 0) this.#change(name, args, result, inside)
      else if (name.startsWith('open')) this.#opened.delete(result)
    }
  }

  #seek (fd: number, at: number): void {
    const opened = this.#opened.get(fd)
    if (opened !== undefined) opened.at = at
  }

  #change (name: string, args: string, result: number, paths: readonly string[]): void {
    const [path = '', other = ''] = paths
    const parent = this.#at(dirname(path))
    if (name.startsWith('open')) {
      let entry = this.#at(path)
      if (entry === undefined && args.includes('O_CREAT')) {
        entry = new DiskFile()
        this.#in(parent, path).change(new Map([[basename(path), entry]]))
      } else if (entry instanceof DiskFile && args.includes('O_TRUNC')) {
        entry.empty()
      }
      if (entry === undefined) throw new Error(`${path} was opened and is not there`)
      this.#opened.set(result, { entry, synchronous: /O_D?SYNC/.test(args), at: 0 })
    } else if (name === 'mkdir') {
      this.#in(parent, path).change(new Map([[basename(path), new DiskDirectory()]]))
    } else if (name === 'unlink' || name === 'rmdir') {
      // Of what was there before nothing is known: sockets.
      this.#in(parent, path).change(new Map([[basename(path), undefined]]))
    } else if (name === 'rename' && dirname(path) === dirname(other)) {
      this.#in(parent, path).change(new Map([[basename(path), undefined], [basename(other), this.#at(path)]]))
    } else if (!path.endsWith('-lock')) {
      // The lock file of LMDB is made anew when nobody uses it.
      throw new Error(`${name} of ${path}: this disk does not know what becomes of it`)
    }
  }

  #at (path: string): Entry | undefined {
    if (path === this.#root) return this.#top
    let entry: Entry | undefined = this.#top
    for (const name of path.slice(this.#root.length + 1).split('/')) entry = entry instanceof DiskDirectory ? entry.entries.get(name) : undefined
    return entry
  }

  #in (parent: Entry | undefined, path: string): DiskDirectory {
    if (!(parent instanceof DiskDirectory)) throw new Error(`${path} is in no directory`)
    return parent
  }
}

async function saveAll (from: DiskDirectory, directory: string, chance: Chance): Promise<void> {
  await mkdir(directory, { recursive: true })
  for (const [name, entry] of from.after(chance)) {
    const path = join(directory, name)
    if (entry instanceof DiskDirectory) await saveAll(entry, path, chance)
    else if (!name.endsWith('-lock')) await writeFile(path, entry.after(chance))
  }
}
