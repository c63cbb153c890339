/** Looks at a store of many servers, and mends it, as one more of them: they may go on with it meanwhile. */
import { checkOptions } from '../../schemas/check-options.js'
import { completeDistributedOptions, DistributedStoreOptions } from '../../schemas/store-options.js'
import type { Reporter } from '../compose-store.js'
import type { BlobStore, ObjectID } from '../contract.js'
import type { Finding, Repaired, RepairOptions, VerifyCounts, VerifyOptions } from '../verify/findings.js'
import { canBeReleased, ObjectMender } from '../verify/object-mender.js'
import { verifyMovable } from '../verify/verify-movable.js'
import { DatabaseChecks, type Mend, rawAttributes } from './database-checks.js'
import { migrate } from './migrate.js'
import { type Parts, withMeta, withParts } from './open-distributed.js'
import { pageChecksums } from './page-checksums.js'
import type { PostgresMeta } from './postgres-meta.js'

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
}

/** Opens it without a lease: it makes no tables, sweeps nothing and writes no values. */
async function looking<T> (options: DistributedStoreOptions, report: Reporter, work: (looked: Looked) => Promise<T>): Promise<T> {
  const complete = completeDistributedOptions({ ...checkOptions(DistributedStoreOptions, options, 'a look'), migrate: false })
  return await withParts(complete, report, async parts => {
    const { rootID } = await migrate(parts.database, parts.names, complete)
    return await withMeta(parts, async meta => {
      await parts.place.prepare(async () => (await meta.namedBlobs(undefined, 1)).length > 0)
      const { blobs } = parts.place.open({ leaseIsOpen: async () => false, left () {} })
      const mender = new ObjectMender({ meta, rootID, rawAttributes: async id => await rawAttributes(parts.database, parts.names, id) })
      const result = await work({ parts, meta, blobs, rootID, mender })
      meta.stop()
      await meta.close()
      await parts.place.close()
      return result
    })
  })
}

async function look ({ parts: { database, names }, meta, blobs, rootID, mender }: Looked, options: VerifyOptions, found: (finding: Finding, mend?: Mend) => void): Promise<VerifyCounts> {
  const { signal = new AbortController().signal } = options
  const counts = await verifyMovable({ meta, blobs, rootID }, options, (finding, note) => {
    const { objectID } = finding
    found(finding, objectID === undefined || note === undefined ? undefined : async () => await mender.setAside(objectID, note))
  })
  await new DatabaseChecks({ database, names, meta, blobs, mender, signal }).look(found)
  return counts
}

/** Tells `found` of everything that is wrong. Throws OptionError, and a StorageError. */
export async function verifyDistributed (options: DistributedStoreOptions, how: VerifyOptions, report: Reporter, found: (finding: Finding) => void): Promise<VerifyDistributedResult> {
  // Whether servers have it open makes no difference.
  return await looking(options, report, async looked => ({ ...await look(looked, how, finding => { found(finding) }), online: false, pageChecksums: await pageChecksums(looked.parts.database) }))
}

/** Things that are mended before the next look. */
const mostAtOnce = 1000
const mostRounds = 20
const page = { limit: 500, size: 4 * 1024 * 1024 }

/** Tells `found` of everything that is wrong, and what was done about it. Answers how many rounds it took; the last one has found nothing that could be mended. Throws OptionError, and a StorageError. */
export async function repairDistributed (options: DistributedStoreOptions, { dryRun = false, ...how }: RepairOptions, report: Reporter, found: (repaired: Repaired) => void): Promise<number> {
  return await looking(options, report, async looked => {
    const damaged = new Set<ObjectID>()
    for (let round = 1, values = how.values ?? true; ; round++) {
      const waiting: Array<readonly [Finding, Mend]> = []
      const left: Finding[] = []
      let more = false
      await look(looked, { ...how, values }, (finding, mend) => {
        if (finding.objectID !== undefined) damaged.add(finding.objectID)
        if (mend === undefined) left.push(finding)
        else if (dryRun || finding.setAside === true) {
          if (round === 1) found({ ...finding, done: finding.setAside === true ? 'it is set aside already' : 'it would be mended, or moved aside' })
        } else if (waiting.length < mostAtOnce) waiting.push([finding, mend])
        else more = true
      })
      let mended = 0
      for (const [finding, mend] of waiting) {
        how.signal?.throwIfAborted()
        const done = await mend()
        if (done === undefined) left.push(finding)
        else {
          mended++
          found({ ...finding, done })
        }
      }
      // What was under it may be seen then, but for bytes: these were looked at.
      if (mended > 0 && round < mostRounds) {
        values &&= more
        continue
      }
      for (const finding of left) found(finding)
      if (!dryRun && how.values !== false) await release(looked, damaged, how, found)
      return round
    }
  })
}

/** Objects that were set aside for bytes which are there again. */
async function release ({ meta, mender }: Looked, damaged: ReadonlySet<ObjectID>, { signal }: VerifyOptions, found: (repaired: Repaired) => void): Promise<void> {
  for (let after: ObjectID | undefined; ;) {
    signal?.throwIfAborted()
    const wholes = await meta.wholes({ after, ...page })
    for (const { record } of wholes) {
      if (damaged.has(record.id) || !canBeReleased(record) || !await mender.release(record.id)) continue
      found({ kind: 'value', objectID: record.id, problem: `Object ${record.id} has all bytes of its value again`, done: 'it can be read, and be moved to where it was' })
    }
    after = wholes.at(-1)?.record.id
    if (after === undefined) return
  }
}
