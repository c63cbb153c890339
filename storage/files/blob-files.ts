/**
 * Blobs as files: `<lease>/<group>/<number>`. About a thousand share a directory, so that uploads at the same time share its
 * flush. A name is used once, so a file is written under its final name: nobody looks at it before the commit that gives birth to it.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rmdir, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type BlobBirth, type BlobID, type BlobStore, type GetOptions, type LeaseID, type PutOptions, StorageError } from '../contract.js'
import { BlockSums, type ByteCheck, checkOfRange } from './block-sums.js'
import { DirectorySync } from './directory-sync.js'
import { borrow, giveBack, leave } from './lent-buffers.js'
import { requireMark } from './place-mark.js'
import { RawFile } from './raw-file.js'
import { hasCode, toStorageError } from '../storage-errors.js'

export interface BlobFilesOptions {
  /** The directory that holds the leases; made when it is missing. */
  readonly root: string
  /** Looks the lease up, now. */
  readonly leaseIsOpen: (lease: LeaseID) => Promise<boolean>
  /** Is told of leases under which a broken file was left. */
  readonly left: (lease: LeaseID) => void
  /** What was noted of a blob at its birth; undefined where that is not known, and its bytes cannot be checked. */
  readonly birthOf?: (blob: BlobID) => BlobBirth | undefined
  /** Is told of each read that has found bytes missing, or others than were written. */
  readonly damaged?: (blob: BlobID) => void
  /** Whether `markPlace` has marked the root: without its mark nothing is written there, and nothing is taken for removed. Default: false. */
  readonly marked?: boolean
}

type Source = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

const groupSize = 1000
/** Bytes that are gathered for one write. */
const writeSize = 512 * 1024
/** Up to here one read brings all; above, pieces, the next one read while one is sent. */
const wholeRead = 1024 * 1024
const readSize = 256 * 1024
const probeName = 'probe-'
/** Milliseconds after which nobody is at a probe any more, whatever clocks say. */
const probeLeft = 86_400_000
const pattern = /^[0-9a-z-]+\/[0-9a-z]+\/[0-9a-z]+$/

export class BlobFiles implements BlobStore {
  readonly #root: string
  readonly #options: BlobFilesOptions
  readonly #sync = new DirectorySync()
  readonly #counters = new Map<LeaseID, number>()
  /** Directories that are made and on the disk, or are being made. */
  readonly #made = new Map<string, Promise<void>>()
  /** Done once: what a process leaves behind is removed by the next. */
  #tidied: Promise<void> | undefined

  constructor (options: BlobFilesOptions) {
    this.#root = options.root
    this.#options = options
  }

  /** The source must leave a chunk alone once it has given it. An error that it throws is passed on as it is. */
  async put (lease: LeaseID, source: Source, options: PutOptions = {}): Promise<BlobBirth> {
    options.signal?.throwIfAborted()
    const number = this.#counters.get(lease) ?? 0
    this.#counters.set(lease, number + 1)
    const blob = `${lease}/${Math.floor(number / groupSize).toString(36)}/${number.toString(36)}`
    try {
      return await this.#write(lease, blob, source, options.signal)
    } catch (error) {
      this.#options.left(lease)
      // On a full disk others need its room before the sweeper comes.
      if (error instanceof StorageError && error.reason === 'full') await unlink(this.#path(blob)).catch(() => {})
      throw error
    }
  }

  async #write (lease: LeaseID, blob: BlobID, source: Source, signal: AbortSignal | undefined): Promise<BlobBirth> {
    const path = this.#path(blob)
    const file = await this.#create(lease, path)
    let size = 0
    const sums = new BlockSums()
    try {
      let writing: Promise<unknown> = Promise.resolve()
      let gathered: Uint8Array[] = []
      let waiting = 0
      const write = async (chunks: Uint8Array[]): Promise<void> => { await failsAs(`writing ${path}`, file.write(chunks)) }
      try {
        for await (const chunk of source) {
          signal?.throwIfAborted()
          if (chunk.length === 0) continue
          size += chunk.length
          sums.push(chunk)
          gathered.push(chunk)
          waiting += chunk.length
          if (waiting < writeSize) continue
          await writing
          writing = write(gathered)
          // Awaited before the next write, or below.
          writing.catch(() => {})
          gathered = []
          waiting = 0
        }
        signal?.throwIfAborted()
      } finally {
        await writing
      }
      if (gathered.length > 0) await write(gathered)
      await Promise.all([failsAs(`flushing ${path}`, file.datasync()), this.#flushDirectory(dirname(path))])
    } finally {
      await file.close().catch(() => {})
    }
    return { blob, size, hash: sums.hash() }
  }

  /** Opens the new file. Under a closed lease it throws: the sweeper lists a lease once it is closed, and would never see this file. */
  async #create (lease: LeaseID, path: string): Promise<RawFile> {
    const directory = dirname(path)
    const file = await failsAs(`creating ${path}`, (async () => {
      await this.#makeDirectory(directory)
      return await RawFile.open(path, 'wx', 0o600)
    })())
    try {
      if (await this.#options.leaseIsOpen(lease)) return file
      throw new StorageError('unavailable', `Lease ${lease} is closed`)
    } catch (error) {
      await file.close().catch(() => {})
      await unlink(path).catch(() => {})
      if (await removeEmpty(directory)) await removeEmpty(dirname(directory))
      throw error
    }
  }

  async #makeDirectory (directory: string): Promise<void> {
    let made = this.#made.get(directory)
    if (made === undefined) {
      made = (async () => {
        if (directory !== this.#root) await this.#makeDirectory(dirname(directory))
        await this.#requirePlace()
        await mkdir(directory, { mode: 0o700 }).catch((error: unknown) => { if (!hasCode(error, 'EEXIST')) throw error })
        await this.#sync.sync(dirname(directory)).catch((error: unknown) => {
          // What holds the whole may be closed to this process: then somebody else has made our place in it.
          if (directory !== this.#root || !hasCode(error, 'EACCES')) throw error
        })
      })()
      this.#made.set(directory, made)
      made.catch(() => { this.#made.delete(directory) })
    }
    await made
  }

  async #requirePlace (): Promise<void> {
    if (this.#options.marked === true) await requireMark(this.#root)
  }

  async #flushDirectory (directory: string): Promise<void> {
    await failsAs(`flushing ${directory}`, this.#sync.sync(directory))
  }

  /** Bytes that were noted with a checksum are compared with it before they are given away. */
  async * get (blob: BlobID, offset: number, length: number, { lent = false }: GetOptions = {}): AsyncGenerator<Uint8Array> {
    if (length === 0) return
    const check = this.#checkOf(blob, offset, length)
    const file = await this.#open(blob)
    const { from, to } = check
    let loan: Buffer | undefined
    let ahead: Promise<Uint8Array> | undefined
    let closing: Promise<void> | undefined
    /** Whether the reader may have some of it. */
    let given = false
    try {
      const room = loan = lent ? borrow() : undefined
      const piece = room === undefined ? to - from <= wholeRead ? to - from : readSize : to - from <= room.length ? to - from : room.length / 2
      let odd = true
      const begin = (at: number): Promise<Uint8Array> => {
        odd = !odd
        const size = Math.min(piece, to - at)
        const start = odd ? piece : 0
        const reading = readExactly(file, blob, at, room === undefined ? Buffer.allocUnsafeSlow(size) : room.subarray(start, start + size))
        // Looked at in its turn, if there is one.
        reading.catch(() => {})
        return reading
      }
      ahead = begin(from)
      for (let at = from; ahead !== undefined;) {
        const bytes: Uint8Array = await ahead
        const next: number = at + bytes.length
        if (next < to) ahead = begin(next)
        else {
          ahead = undefined
          // Whoever has the last bytes may take his time.
          closing = file.close().catch(() => {})
        }
        check.check(bytes)
        given = true
        yield cut(bytes, offset - at, offset + length - at)
        given = false
        at = next
      }
    } catch (error) {
      throw this.#told(blob, error)
    } finally {
      await ahead?.catch(() => {})
      if (loan !== undefined) (given ? leave : giveBack)(loan)
      await (closing ?? file.close().catch(() => {}))
    }
  }

  async read (blob: BlobID, offset: number, length: number): Promise<Uint8Array> {
    if (length === 0) return new Uint8Array(0)
    const { from, to, check } = this.#checkOf(blob, offset, length)
    const file = await this.#open(blob)
    try {
      const bytes = await readExactly(file, blob, from, Buffer.allocUnsafeSlow(to - from))
      check(bytes)
      return cut(bytes, offset - from, offset + length - from)
    } catch (error) {
      throw this.#told(blob, error)
    } finally {
      await file.close().catch(() => {})
    }
  }

  #checkOf (blob: BlobID, offset: number, length: number): ByteCheck {
    const birth = this.#options.birthOf?.(blob)
    const check = birth === undefined ? undefined : checkOfRange(birth, offset, length)
    return check ?? { from: offset, to: offset + length, check () {} }
  }

  #told (blob: BlobID, error: unknown): unknown {
    if (error instanceof StorageError && (error.reason === 'corrupt' || error.reason === 'missing')) this.#options.damaged?.(blob)
    return error
  }

  async #open (blob: BlobID): Promise<RawFile> {
    const path = this.#path(blob)
    try {
      return await RawFile.open(path, 'r')
    } catch (error) {
      if (hasCode(error, 'ENOENT')) throw this.#told(blob, new StorageError('missing', `Blob ${blob} is gone`, { cause: error }))
      throw toStorageError(error, `opening ${path}`)
    }
  }

  async remove (blob: BlobID): Promise<void> {
    const path = this.#path(blob)
    await failsAs(`removing ${path}`, unlink(path).catch(async (error: unknown) => {
      if (!hasCode(error, 'ENOENT')) throw error
      await this.#requirePlace()
    }))
    const [lease] = blob.split('/', 1)
    if (lease !== undefined && !await this.#options.leaseIsOpen(lease) && await removeEmpty(dirname(path))) await removeEmpty(join(this.#root, lease))
  }

  async * list (lease: LeaseID): AsyncGenerator<BlobID> {
    const directory = join(this.#root, lease)
    await this.#requirePlace()
    for (const group of await namesIn(directory)) {
      for (const name of await namesIn(join(directory, group))) {
        const blob = `${lease}/${group}/${name}`
        // What somebody else has put here, for instance a network file system, is not ours to remove.
        if (pattern.test(blob)) yield blob
      }
    }
  }

  async dropLease (lease: LeaseID): Promise<void> {
    this.#counters.delete(lease)
    const directory = join(this.#root, lease)
    for (const group of await namesIn(directory)) {
      this.#made.delete(join(directory, group))
      await removeEmpty(join(directory, group))
    }
    this.#made.delete(directory)
    await removeEmpty(directory)
  }

  /** Tries whether files can be made. Throws a StorageError when not. */
  async probe (): Promise<void> {
    // Others may try the same in a directory that is shared.
    const path = join(this.#root, probeName + randomUUID())
    await failsAs(`writing ${path}`, (async () => {
      await this.#makeDirectory(this.#root)
      await this.#requirePlace()
      this.#tidied ??= this.#removeProbes()
      await this.#tidied
      const handle = await open(path, 'w', 0o600)
      try {
        await handle.write('x')
      } finally {
        await handle.close()
        await unlink(path)
      }
    })())
  }

  /** Those of processes that were killed while they tried. */
  async #removeProbes (): Promise<void> {
    try {
      for (const name of await namesIn(this.#root)) {
        const path = join(this.#root, name)
        if (name.startsWith(probeName) && Date.now() - (await stat(path)).mtimeMs > probeLeft) await unlink(path)
      }
    } catch {
      // Somebody else has removed it, or it is left to whoever may.
    }
  }

  #path (blob: BlobID): string {
    if (!pattern.test(blob)) throw new TypeError(`"${blob}" is not the name of a blob`)
    return join(this.#root, blob)
  }
}

async function failsAs<T> (doing: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw toStorageError(error, doing)
  }
}

async function readExactly (file: RawFile, blob: BlobID, offset: number, bytes: Uint8Array): Promise<Uint8Array> {
  try {
    const count = await file.read(bytes, offset)
    if (count < bytes.length) throw new StorageError('corrupt', `Blob ${blob} has ${offset + count} bytes; those up to ${offset + bytes.length} were written`)
  } catch (error) {
    throw toStorageError(error, `reading blob ${blob}`)
  }
  return bytes
}

/** A part of bytes, as far as they go; they themselves when that is all. */
function cut (bytes: Uint8Array, start: number, end: number): Uint8Array {
  return start <= 0 && end >= bytes.length ? bytes : bytes.subarray(Math.max(0, start), Math.min(end, bytes.length))
}

async function namesIn (directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw toStorageError(error, `listing ${directory}`)
  }
}

async function removeEmpty (directory: string): Promise<boolean> {
  try {
    await rmdir(directory)
    return true
  } catch {
    // Not empty, or gone already.
    return false
  }
}
