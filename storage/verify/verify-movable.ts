/** Looks at a store through what every driver gives for a transfer: page by page, while servers go on with it. What the driver keeps beside that, it must look after itself. */
import { type BlobBirth, type BlobID, type BlobStore, type ObjectID, type Segment, StorageError, type StoredRecord } from '../contract.js'
import { miscountProblem } from '../usage.js'
import { checkSource, Damaged, readSource, Summing } from '../transfer/checked-bytes.js'
import type { MovableMeta, WholeRecord } from '../transfer/ends.js'
import { findOwners, pathOf } from '../transfer/find-owners.js'
import { type Finding, isSetAside, type Look, type VerifyCounts, type VerifyOptions } from './findings.js'

export interface Movable {
  readonly meta: MovableMeta
  readonly blobs: Pick<BlobStore, 'get'>
  readonly rootID: ObjectID
}

const page = { limit: 500, size: 4 * 1024 * 1024 }
/** Blobs on their way at once: what is far away takes its time to answer. */
const inFlight = 8
/** When so many are damaged, something else is wrong: the place of the values, most likely. */
const mostDamaged = 1000

/** Is told of what is wrong. `note`: the same of the object alone, as the end of a sentence, where moving it aside is what can be done. */
export type Found = (finding: Finding, note?: string) => void

/** Tells `found` of everything that is wrong. Throws a StorageError, and the reason of the signal. */
export async function verifyMovable (store: Movable, options: VerifyOptions, found: Found): Promise<VerifyCounts> {
  const { signal = new AbortController().signal, progress = () => {} } = options
  const counts: VerifyCounts = { records: 0, blobs: 0, bytes: 0, events: 0 }
  const there = await store.meta.census()
  const teller = (phase: Look, total: number | undefined): ((more: number) => void) => {
    let done = 0
    progress({ phase, done, total })
    return more => { progress({ phase, done: done += more, total }) }
  }

  const records = teller('records', there.records)
  for (let after: ObjectID | undefined; ;) {
    signal.throwIfAborted()
    const wholes = await store.meta.wholes({ after, ...page })
    for (const whole of wholes) {
      const problem = problemOf(whole, options.checkRecord)
      if (problem !== undefined) found(await ofObject(store.meta, { kind: 'record', objectID: whole.record.id }, problem), problem)
    }
    after = wholes.at(-1)?.record.id
    counts.records += wholes.length
    records(wholes.length)
    if (after === undefined) break
  }
  if (await store.meta.get(store.rootID) === undefined) found({ kind: 'record', objectID: store.rootID, path: '/', problem: `The root container (object ${store.rootID}) has no record` })

  for (const miscount of await store.meta.miscounts()) found({ kind: 'usage', problem: miscountProblem(miscount) })

  const tell = teller('values', there.bytes)
  const damaged = new Map<BlobID, BlobProblem>()
  for (let after: BlobID | undefined; damaged.size < mostDamaged;) {
    const births = await store.meta.namedBlobs(after, page.limit)
    after = births.at(-1)?.blob
    if (after === undefined) break
    counts.blobs += births.length
    const failures: unknown[] = []
    await Promise.all(Array.from({ length: inFlight }, async () => {
      for (let birth = births.shift(); birth !== undefined && failures.length === 0; birth = births.shift()) {
        const { blob, size } = birth
        const problem = await blobProblem(store, birth, options.values ?? true, signal).catch((error: unknown): 'failed' => {
          failures.push(error)
          return 'failed'
        })
        if (problem !== undefined && problem !== 'failed') damaged.set(blob, problem)
        tell(size)
        if (options.values ?? true) counts.bytes += size
      }
    }))
    if (failures.length > 0) throw failures[0]
  }
  await tellOwners(store, damaged, signal, found)
  return counts
}

function problemOf ({ record, segments }: WholeRecord, check: VerifyOptions['checkRecord']): string | undefined {
  const attributes = attributesIn(record)
  if (attributes === undefined) return 'has attributes that are not readable'
  if (record.inline !== undefined && record.inline.length !== record.size) return `has ${record.inline.length} bytes of its value where ${record.size} were written`
  if (record.inline !== undefined && record.inline.length > 0 && segments.length > 0) return 'has a value in its record and another one in blobs'
  return mapProblem(segments, record.size) ?? (isSetAside(attributes) ? undefined : check?.(record))
}

/** Drivers may decode them now. */
function attributesIn (record: StoredRecord): StoredRecord['attributes'] | undefined {
  try {
    const attributes: unknown = record.attributes
    return typeof attributes === 'object' && attributes !== null && !Array.isArray(attributes) ? record.attributes : undefined
  } catch {
    // Then it is what was asked: not readable.
    return undefined
  }
}

function mapProblem (segments: readonly Segment[], size: number): string | undefined {
  let at = 0
  for (const { offset, length } of segments) {
    if (offset < at) return `has two segments for the same bytes, from ${offset} on`
    if (length < 1 || offset + length > size) return `has a segment up to byte ${offset + length}, and a size of ${size}`
    at = offset + length
  }
  return undefined
}

/** The whole sentence, and whether it is news. `problem`: its end. */
export async function ofObject (meta: Pick<MovableMeta, 'get' | 'lineage'>, about: Pick<Finding, 'kind' | 'blob'> & { readonly objectID: ObjectID }, problem: string): Promise<Finding> {
  const { objectID } = about
  const record = await meta.get(objectID)
  const aside = record !== undefined && isSetAside(attributesIn(record) ?? {})
  const { path } = await pathOf(meta, objectID)
  return { ...about, ...path !== undefined && { path }, ...aside && { setAside: true as const }, problem: `${path === undefined ? `Object ${objectID}` : `${path} (object ${objectID})`} ${problem}` }
}

interface BlobProblem {
  readonly problem: string
  /** The same without what differs from place to place. */
  readonly note: string
}

async function blobProblem ({ meta, blobs }: Movable, birth: BlobBirth, values: boolean, signal: AbortSignal): Promise<BlobProblem | undefined> {
  const { blob, size } = birth
  signal.throwIfAborted()
  try {
    const reading = new Summing()
    // Its last byte shows that there are as many as there should be.
    await reading.all(readSource(values ? blobs.get(blob, 0, size) : blobs.get(blob, Math.max(0, size - 1), Math.min(1, size))), signal)
    if (values) checkSource(birth, reading.sums())
    return undefined
  } catch (error) {
    if (!(error instanceof Damaged)) throw error
    // What was removed meanwhile is no damage.
    const [gone] = await meta.unborn([blob])
    if (gone !== undefined) return undefined
    const { cause } = error
    return { problem: error.message, note: `blob ${blob} ${cause instanceof StorageError && cause.reason === 'missing' ? 'is gone' : 'has other bytes than were written'}` }
  }
}

async function tellOwners ({ meta }: Movable, damaged: ReadonlyMap<BlobID, BlobProblem>, signal: AbortSignal, found: Found): Promise<void> {
  if (damaged.size === 0) return
  const owners = await findOwners(meta, new Set(damaged.keys()), signal)
  for (const [blob, { problem, note }] of damaged) {
    for (const { objectID } of owners.get(blob) ?? []) {
      const told = 'has lost bytes of its value: '
      found(await ofObject(meta, { kind: 'blob', objectID, blob }, told + problem), told + note)
    }
  }
  if (damaged.size >= mostDamaged) throw new StorageError('corrupt', `${damaged.size} blobs are missing or damaged, and the look ends there: is that the place of the values?`)
}
