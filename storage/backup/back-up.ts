/**
 * Makes a backup: the records of a snapshot first, for that costs space as long as it lasts, then what blobs the place does not have yet, then the manifest, which
 * makes a backup of it. A run that was cut short leaves files that the next one needs not write again.
 */
import { type BlobBirth, type BlobID, type ObjectID, type Sequence, StorageError } from '../contract.js'
import { checkSource, Damaged, readSource, Summing } from '../transfer/checked-bytes.js'
import type { Phase, ProgressListener } from '../transfer/progress.js'
import type { BackupPlace } from './backup-place.js'
import { DamagedBackup } from './damaged-backup.js'
import { gunzipped, gzipped, isWorthIt } from './gzip-stream.js'
import { endsBlobs, endsLog, endsRecords, fileOfBlob, type KeptBlob, lineOfRecord, type LogLine } from './lines.js'
import { backupNames, type Manifest, readManifest, requirePlaceFor, writeManifest } from './manifest.js'
import { type Part, PartReader, PartWriter } from './parts.js'
import type { StoreSnapshot } from './snapshot.js'
import { type PassOver, readableOf, type Unreadable } from './unreadable.js'
import { Spool } from './spool.js'
import { toldApart } from './told-apart.js'

export interface BackupOptions {
  /** Ends it after the step under way; what is there is not written again by the next run. */
  readonly signal?: AbortSignal | undefined
  /** Often called. */
  readonly progress?: ProgressListener | undefined
  /** What cannot be read of the store is left out and named. Default: it is an error, and there is no backup. */
  readonly skipDamaged?: boolean | undefined
}

export interface BackupReport {
  readonly manifest: Manifest
  /** Blobs and their bytes that were copied now, how many bytes that took, and blobs that the place had. */
  readonly blobs: { readonly copied: number, readonly bytes: number, readonly stored: number, readonly kept: number }
}

const page = { limit: 500, size: 4 * 1024 * 1024 }
/** Blobs on their way at once. */
const inFlight = 8

/** Throws a StorageError, which is a PlaceError where the place is what has lost something, and the reason of `signal`. The caller closes the snapshot. */
export async function backUp (snapshot: StoreSnapshot, given: BackupPlace, { signal = new AbortController().signal, progress = () => {}, skipDamaged = false }: BackupOptions = {}): Promise<BackupReport> {
  const place = toldApart(given)
  await requirePlaceFor(place, snapshot.rootID)
  const before = await lastManifest(place)
  const spool = await Spool.make<BlobBirth>(await place.scratch())
  try {
    const tellRecords = teller(progress, 'records', (await snapshot.meta.census()).records)
    const left = new Map<string, Unreadable>()
    // Of two objects the same may be said.
    const passOver = skipDamaged ? (one: Unreadable) => { left.set([one.objectID, one.blob, one.problem].join(' '), one) } : undefined
    const records = await writeRecords(snapshot, place, signal, tellRecords, passOver)
    const log = await writeLog(snapshot, place, signal, teller(progress, 'log', undefined), passOver)
    const born = await spoolBlobs(snapshot, spool, signal, passOver)
    snapshot.releaseMeta()
    const copy = new BlobCopy(snapshot, place, { signal, tell: teller(progress, 'values', born.bytes) })
    const blobs = await copy.run(spool, before)
    snapshot.stillHeld()
    const manifest = await writeManifest(place, {
      rootID: snapshot.rootID,
      sequence: snapshot.last,
      counts: { records: countOf(records), ...born, events: countOf(log) },
      lists: { records, blobs, log },
      damaged: [...copy.damaged, ...Array.from(left.values()).flatMap(({ blob, problem }) => blob === undefined ? [] : [{ blob, problem }])],
      ...skipDamaged && { leftOut: Array.from(left.values()).filter(({ blob }) => blob === undefined) }
    }, snapshot.taken)
    return { manifest, blobs: copy.done }
  } finally {
    await spool.remove().finally(async () => { await place.tidy() })
  }
}

/** Undefined when there is none. One that cannot be read is passed over: what it knows of blobs is found out again. */
async function lastManifest (place: BackupPlace): Promise<Manifest | undefined> {
  for (const name of (await backupNames(place)).reverse()) {
    try {
      return await readManifest(place, name)
    } catch (error) {
      if (!(error instanceof DamagedBackup)) throw error
    }
  }
  return undefined
}

type Tell = (more: number) => void

/** Adds up what is done of one part of the work. */
function teller (progress: ProgressListener, phase: Phase, total: number | undefined): Tell {
  let done = 0
  progress({ phase, done, total })
  return more => { progress({ phase, done: done += more, total }) }
}

function countOf (parts: readonly Part[]): number {
  return parts.reduce((sum, { count }) => sum + count, 0)
}

async function writeRecords ({ meta }: StoreSnapshot, place: BackupPlace, signal: AbortSignal, tell: Tell, passOver: PassOver | undefined): Promise<readonly Part[]> {
  const list = new PartWriter(place)
  for (let after: ObjectID | undefined; ;) {
    signal.throwIfAborted()
    const wholes = await meta.wholes({ after, ...page }, passOver)
    for (const line of readableOf(wholes, lineOfRecord, passOver, ({ record }) => ({ objectID: record.id }))) await list.add(line.id, line, endsRecords(line.id))
    tell(wholes.length)
    after = wholes.at(-1)?.record.id
    if (after === undefined) return await list.end()
  }
}

async function writeLog ({ meta, last }: StoreSnapshot, place: BackupPlace, signal: AbortSignal, tell: Tell, passOver: PassOver | undefined): Promise<readonly Part[]> {
  const list = new PartWriter(place)
  for (let after: Sequence = 0; ;) {
    signal.throwIfAborted()
    const entries = await meta.events(after, page.limit, passOver)
    // What a snapshot has cannot be newer than it is.
    const sound = readableOf(entries, entry => {
      if (entry.sequence > last) throw new StorageError('corrupt', `The change log has an entry ${entry.sequence} behind its last one, ${last}`)
      return entry
    }, passOver, () => ({}))
    for (const { sequence, event } of sound) await list.add(sequence, [sequence, event] satisfies LogLine, endsLog(sequence))
    tell(entries.length)
    const end = entries.at(-1)?.sequence
    // What lies behind a number that is not exact was never given out either.
    if (end === undefined || !Number.isSafeInteger(end)) break
    after = end
  }
  return await list.end()
}

async function spoolBlobs ({ meta }: StoreSnapshot, spool: Spool<BlobBirth>, signal: AbortSignal, passOver: PassOver | undefined): Promise<{ blobs: number, bytes: number }> {
  const born = { blobs: 0, bytes: 0 }
  for (let after: BlobID | undefined; ;) {
    signal.throwIfAborted()
    const births = await meta.namedBlobs(after, page.limit, passOver)
    await spool.add(births)
    born.blobs += births.length
    for (const { size } of births) born.bytes += size
    after = births.at(-1)?.blob
    if (after === undefined) return born
  }
}

/** The bytes: those that the place does not have yet. */
class BlobCopy {
  readonly done = { copied: 0, bytes: 0, stored: 0, kept: 0 }
  readonly damaged: Array<{ blob: BlobID, problem: string }> = []
  readonly #snapshot: StoreSnapshot
  readonly #place: BackupPlace
  readonly #signal: AbortSignal
  readonly #tell: Tell

  constructor (snapshot: StoreSnapshot, place: BackupPlace, { signal, tell }: { signal: AbortSignal, tell: Tell }) {
    this.#snapshot = snapshot
    this.#place = place
    this.#signal = signal
    this.#tell = tell
  }

  async run (spool: Spool<BlobBirth>, before: Manifest | undefined): Promise<readonly Part[]> {
    const list = new PartWriter(this.#place)
    const known = new PartReader<KeptBlob>(this.#place, before?.lists.blobs ?? [], ({ blob }) => blob)
    let page: BlobBirth[] = []
    const copyPage = async (): Promise<void> => {
      for (const kept of await this.#page(page, known)) await list.add(kept.blob, kept, endsBlobs(kept.blob))
      page = []
    }
    for await (const birth of spool.items()) if (page.push(birth) >= 100) await copyPage()
    await copyPage()
    return await list.end()
  }

  /** Those that are in the backup, in their order. */
  async #page (births: readonly BlobBirth[], known: PartReader<KeptBlob>): Promise<KeptBlob[]> {
    const kept: Array<KeptBlob | undefined> = []
    const waiting = [...births.entries()]
    const failures: unknown[] = []
    await Promise.all(Array.from({ length: inFlight }, async () => {
      for (let next = waiting.shift(); next !== undefined && failures.length === 0; next = waiting.shift()) {
        const [at, birth] = next
        await this.#one(birth, known).then(one => { kept[at] = one }, (error: unknown) => { failures.push(error) })
      }
    }))
    if (failures.length > 0) throw failures[0]
    return kept.filter(one => one !== undefined)
  }

  async #one (birth: BlobBirth, known: PartReader<KeptBlob>): Promise<KeptBlob | undefined> {
    this.#signal.throwIfAborted()
    const there = await this.#found(birth, known)
    if (there !== undefined) {
      this.done.kept++
      this.#tell(birth.size)
      return there
    }
    try {
      const kept = await this.#copy(birth)
      this.done.copied++
      this.done.bytes += birth.size
      this.done.stored += kept.stored
      return kept
    } catch (error) {
      if (!(error instanceof Damaged)) throw error
      // Not when it is gone because nobody kept it.
      this.#snapshot.stillHeld()
      this.damaged.push({ blob: birth.blob, problem: error.message })
      return undefined
    }
  }

  /** What an earlier backup, or one that did not come to its end, has left of it. */
  async #found (birth: BlobBirth, known: PartReader<KeptBlob>): Promise<KeptBlob | undefined> {
    const noted = await known.find(birth.blob).catch((error: unknown) => {
      // Then it is found out again.
      if (error instanceof DamagedBackup) return undefined
      throw error
    })
    if (noted !== undefined && noted.hash === birth.hash && await this.#place.size(fileOfBlob(noted.blob, noted.gz)) === noted.stored) return noted
    for (const gz of [true, false]) {
      const file = fileOfBlob(birth.blob, gz)
      const stored = await this.#place.size(file)
      if (stored === undefined) continue
      const sums = new Summing()
      try {
        await sums.all(gz ? gunzipped(this.#place.get(file)) : this.#place.get(file), this.#signal)
        const { sha256, ...read } = sums.sums()
        checkSource(birth, { sha256, ...read })
        if (read.size === birth.size) return { ...birth, sha256, stored, gz }
      } catch {
        // It is written again, whatever it is.
        this.#signal.throwIfAborted()
      }
    }
    return undefined
  }

  async #copy (birth: BlobBirth): Promise<KeptBlob> {
    const { blob, size } = birth
    const reading = new Summing()
    let sha256 = ''
    const checked = async function * (source: AsyncIterable<Uint8Array>, tell: Tell): AsyncGenerator<Uint8Array> {
      yield * reading.through(readSource(source), tell)
      const sums = reading.sums()
      checkSource(birth, sums)
      sha256 = sums.sha256
    }
    const bytes = checked(this.#snapshot.blobs.get(blob, 0, size), this.#tell)
    const first = await bytes.next()
    const whole = first.done === true ? bytes : from(first.value, bytes)
    const gz = first.done !== true && isWorthIt(first.value)
    const { size: stored, at } = await this.#place.put(fileOfBlob(blob, gz), gz ? gzipped(whole) : whole)
    return { ...birth, sha256, stored, gz, ...at !== undefined && { at } }
  }
}

async function * from (first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first
  yield * rest
}
