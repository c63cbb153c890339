/** Looks at a store of many servers, and mends it, as one more of them: they may go on with it meanwhile. */
import { checkOptions } from '../../schemas/check-options.js'
import { completeDistributedOptions, DistributedStoreOptions } from '../../schemas/store-options.js'
import type { Reporter } from '../compose-store.js'
import type { BlobStore, ObjectID } from '../contract.js'
import { damagedBytes, type Finding, type FindingKind, type Look, notAmong, type Repaired, type RepairOptions, type VerifyCounts, type VerifyOptions } from '../verify/findings.js'
import { canBeReleased, ObjectMender } from '../verify/object-mender.js'
import { verifyMovable } from '../verify/verify-movable.js'
import { DatabaseChecks, type Mend, rawAttributes } from './database-checks.js'
import { lookAtLog } from './log-checks.js'
import { migrate } from './migrate.js'
import { looker, type Parts, placedOf, withMeta, withParts } from './open-distributed.js'
import { pageChecksums } from './page-checksums.js'
import { checkPlace, preparePlace } from './place-identity.js'
import { lookForSurplus } from './surplus-blobs.js'
import type { PostgresMeta } from './postgres-meta.js'
import { type Mending, RefusedMends } from './refused-mends.js'

export interface VerifyDistributedResult extends VerifyCounts {
  readonly online: boolean
  /** Whether the database finds bits that flip in its pages. */
  readonly pageChecksums: boolean
}

interface Looked {
  readonly parts: Parts
  readonly meta: PostgresMeta
  readonly blobs: Pick<BlobStore, 'get'>
  readonly rootID: ObjectID
  readonly mender: ObjectMender
  /** Whether the place of the values has said that it is that of this store: then nobody else's are there. */
  readonly isPlaced: boolean
}

/** Opens it without a lease: it makes no tables, sweeps nothing and writes no values. */
async function looking<T> (options: DistributedStoreOptions, report: Reporter, work: (looked: Looked) => Promise<T>): Promise<T> {
  const complete = completeDistributedOptions({ ...checkOptions(DistributedStoreOptions, options, 'a look'), migrate: false })
  return await withParts(complete, report, async parts => {
    const { rootID } = await migrate(parts.database, parts.names, complete)
    return await withMeta(parts, async meta => {
      const placed = placedOf(parts)
      await preparePlace(placed, async () => (await meta.namedBlobs(undefined, 1)).length > 0)
      const isPlaced = await checkPlace(placed)
      const blobs = looker(parts.place)
      const mender = new ObjectMender({ meta, rootID, rawAttributes: async id => await rawAttributes(parts.database, parts.names, id) })
      const result = await work({ parts, meta, blobs, rootID, mender, isPlaced })
      meta.stop()
      await meta.close()
      await parts.place.close()
      return result
    })
  })
}

/** `surplus`: whether all that is in the place of the values is listed, too. */
async function look ({ parts: { database, names, place }, meta, blobs, rootID, mender, isPlaced }: Looked, options: VerifyOptions, surplus: boolean, found: (finding: Finding, mend?: Mend) => void): Promise<VerifyCounts> {
  const { signal = new AbortController().signal, progress = () => {}, surplusGrace = place.late } = options
  let recounting: Promise<void> | undefined
  const recounted = async (): Promise<string> => {
    // All accounts at once, step by step, as they were counted first. Where this ends early the sweepers of the servers go on.
    await (recounting ??= recount(meta, signal))
    return 'it was counted anew'
  }
  const counts = await verifyMovable({ meta, blobs, rootID }, options, (finding, note) => {
    const { objectID, kind } = finding
    if (kind === 'usage') found(finding, recounted)
    else found(finding, objectID === undefined || note === undefined ? undefined : async () => await mender.setAside(objectID, note))
  })
  const looked = { database, names, signal }
  await new DatabaseChecks({ ...looked, meta, blobs, mender, rootID }).look(found)
  const teller = (phase: Look): ((more: number) => void) => {
    let done = 0
    progress({ phase, done, total: undefined })
    return more => { progress({ phase, done: done += more, total: undefined }) }
  }
  if (isPlaced && surplus) await lookForSurplus({ looked, place, grace: surplusGrace, found, tell: teller('files') })
  const tell = teller('log')
  await lookAtLog({
    looked,
    last: await meta.lastSequence(),
    found,
    tell (entries) {
      counts.events += entries
      tell(entries)
    }
  })
  return counts
}

async function recount (meta: PostgresMeta, signal: AbortSignal): Promise<void> {
  await meta.recount()
  while (await meta.countMore(page.limit) > 0) signal.throwIfAborted()
}

/** Tells `found` of everything that is wrong. Throws OptionError, and a StorageError. */
export async function verifyDistributed (options: DistributedStoreOptions, how: VerifyOptions, report: Reporter, found: (finding: Finding) => void): Promise<VerifyDistributedResult> {
  // Whether servers have it open makes no difference.
  return await looking(options, report, async looked => ({ ...await look(looked, how, true, finding => { found(finding) }), online: false, pageChecksums: await pageChecksums(looked.parts.database) }))
}

/** Of an object that was found twice, or by an earlier repair. */
const isAside = 'it is set aside already'
/** Things that are mended before the next look, and looks that may find no fewer than all before them. */
const bounds = { mends: 20_000, idle: 20 }
const page = { limit: 500, size: 4 * 1024 * 1024 }

/**
 * Tells `found` of everything that is wrong, and what was done about it. Answers how many rounds it took; the last one has mended nothing: what it finds is told as left, and what was refused comes last. It goes on for as long as there is less to do each
 * time. Throws OptionError, and a StorageError.
 */
export async function repairDistributed (options: DistributedStoreOptions, { dryRun = false, ...how }: RepairOptions, report: Reporter, found: (repaired: Repaired) => void, { mends, idle } = bounds): Promise<number> {
  return await looking(options, report, async looked => {
    const { meta, rootID, parts: { place } } = looked
    const damaged = new Set<ObjectID>()
    const refused = new RefusedMends(async () => {
      await meta.get(rootID)
      await place.readMark()
    })
    const mendAll = async (all: readonly Mending[], left: Finding[]): Promise<number> => {
      let mended = 0
      for (const one of all) {
        how.signal?.throwIfAborted()
        const answer = await refused.mend(one)
        if (answer === 'refused') continue
        const { done } = answer
        const { objectID } = one.finding
        if (done === undefined) {
          if (objectID !== undefined && await looked.mender.isAside(objectID)) found({ ...one.finding, done: isAside })
          else left.push(one.finding)
          continue
        }
        mended++
        found({ ...one.finding, done })
      }
      return mended
    }
    let least = Infinity
    let patience = idle
    let bytes: Finding[] = []
    for (let round = 1, values = how.values ?? true, surplus = true; ; round++) {
      const waiting: Mending[] = []
      const left: Finding[] = []
      const missed = new Set<FindingKind>()
      let count = 0
      await look(looked, { ...how, values }, surplus, (finding, mend) => {
        if (finding.objectID !== undefined) damaged.add(finding.objectID)
        if (mend === undefined) left.push(finding)
        else if (dryRun || finding.setAside === true) {
          if (round === 1) found({ ...finding, done: finding.setAside === true ? isAside : 'it would be mended, or moved aside' })
        } else if (refused.has(finding)) {
          // It waits until all else is done.
        } else if (patience === 0) found(finding)
        else if (++count <= mends) waiting.push({ finding, mend })
        else missed.add(finding.kind)
      })
      const again = refused.settle([...values ? [] : ['blob'] as const, ...surplus ? [] : ['file'] as const])
      let mended = await mendAll(waiting, left)
      // What was in the way may be gone, or what was wrong: that is not left.
      if (mended === 0 && missed.size === 0 && patience > 0) mended = await mendAll(again, [])
      if (values) bytes = damagedBytes(left)
      if (patience > 0 && (mended > 0 || missed.size > 0)) {
        if (count >= least) patience--
        // What there was no room for has to be told at least.
        if (mended === 0) patience = 0
        least = Math.min(least, count)
        // What was under it may be seen then, but for bytes and what belongs to nothing: these were looked at.
        values &&= missed.has('blob')
        surplus &&= missed.has('file')
        continue
      }
      for (const finding of left) found(finding)
      // This round has not looked at them.
      if (!values) for (const finding of notAmong(left, bytes)) found(finding)
      if (!dryRun && how.values !== false) await release(looked, refused, damaged, how, found)
      for (const finding of refused.left()) found(finding)
      return round
    }
  })
}

/** Objects that were set aside for bytes which are there again. */
async function release ({ meta, mender }: Looked, refused: RefusedMends, damaged: ReadonlySet<ObjectID>, { signal }: VerifyOptions, found: (repaired: Repaired) => void): Promise<void> {
  for (let after: ObjectID | undefined; ;) {
    signal?.throwIfAborted()
    const wholes = await meta.wholes({ after, ...page })
    for (const { record } of wholes) {
      if (damaged.has(record.id) || !canBeReleased(record)) continue
      const finding: Finding = { kind: 'value', objectID: record.id, problem: `Object ${record.id} has all bytes of its value again` }
      const mend = async (): Promise<string | undefined> => await mender.release(record.id) ? 'it can be read, and be moved to where it was' : undefined
      const answer = await refused.mend({ finding, mend })
      if (answer !== 'refused' && answer.done !== undefined) found({ ...finding, done: answer.done })
    }
    after = wholes.at(-1)?.record.id
    if (after === undefined) return
  }
}
