/** Looks at an embedded store, and mends it. */
import { type ObjectID, StorageError } from '../../contract.js'
import { damagedBytes, type Finding, notAmong, type Repaired, type RepairOptions, type VerifyCounts, type VerifyOptions } from '../../verify/findings.js'
import type { SecondCopy } from '../../verify/second-copy.js'
import { unreadableOwner } from '../owner-lock.js'
import { readRoot } from '../root-row.js'
import { stateKeys } from '../tables.js'
import type { Fault } from './faults.js'
import { Inspection } from './inspect.js'
import { Mender } from './mender.js'
import { type CheckedStore, openChecked } from './open-checked.js'
import { ReturnedBlobs } from './returned-blobs.js'

export interface VerifyResult extends VerifyCounts {
  /** Whether a server had the store open meanwhile. */
  readonly online: boolean
}

/** Tells `found` of everything that is wrong. Throws a StorageError, and the reason of the signal. */
export async function verifyEmbedded (directory: string, options: VerifyOptions, found: (finding: Finding) => void): Promise<VerifyResult> {
  const store = await openChecked(directory, { alone: false })
  try {
    for (const fault of ownerFaults(store)) found(findingOf(fault))
    const inspection = new Inspection(store.directory, store.tables, options)
    for await (const faults of inspection.faults()) for (const fault of faults) found(findingOf(fault))
    return { ...inspection.counts, online: store.online }
  } finally {
    await store.close()
  }
}

/** What is done about a fault in a dry run. */
const wouldBe = 'it would be mended, or moved aside'

/** Looks again, but not at bytes, after something was mended: what was under it may be seen then. */
const mostRounds = 5

/** Tells `found` of everything that is wrong, and what was done about it. Answers how many rounds it took; the last one has found nothing that could be mended. */
export async function repairEmbedded (directory: string, { dryRun = false, copy, ...options }: RepairOptions, found: (repaired: Repaired) => void): Promise<number> {
  const store = await openChecked(directory, { alone: true, mends: !dryRun })
  try {
    if (copy !== undefined) requireCopyOf(store, copy)
    const { signal = new AbortController().signal } = options
    const returned = copy && new ReturnedBlobs({ directory: store.directory, tables: store.tables, copy, signal, dryRun })
    const mender = new Mender(store.directory, store.tables)
    const damaged = new Set<ObjectID>()
    let bytes: Finding[] = []
    for (const fault of ownerFaults(store)) found({ ...findingOf(fault), done: dryRun ? wouldBe : 'nobody has the store open, and it is written anew' })
    for (let round = 1; ; round++) {
      let mended = 0
      const left: Finding[] = []
      for await (const all of new Inspection(store.directory, store.tables, round === 1 ? options : { ...options, values: false }).faults()) {
        const faults: Fault[] = []
        for (const fault of all) {
          const back = await returned?.bringBack(fault)
          if (back === undefined) faults.push(fault)
          else found({ ...newsOf(fault), done: back })
        }
        const done = dryRun ? faults.map(({ mends }) => mends.length > 0 ? wouldBe : undefined) : await mender.mend(faults)
        for (const [at, fault] of faults.entries()) {
          if (fault.objectID !== undefined) damaged.add(fault.objectID)
          const text = fault.setAside === true && done[at] === undefined ? 'it is set aside already' : done[at]
          if (text === undefined) {
            left.push(findingOf(fault))
            continue
          }
          if (done[at] !== undefined) mended++
          if (done[at] !== undefined || round === 1) found({ ...findingOf(fault), done: text })
        }
      }
      if (round === 1 && options.values !== false) bytes = damagedBytes(left)
      if (mended > 0 && !dryRun && round < mostRounds) continue
      for (const finding of left) found(finding)
      // No later round looks at them.
      if (round > 1) for (const finding of notAmong(left, bytes)) found(finding)
      if (!dryRun && options.values !== false) for (const finding of await mender.release(damaged)) found(finding)
      return round
    }
  } finally {
    await store.close()
  }
}

/** Whoever takes a store mends that: it is no row that a look would find. */
function ownerFaults ({ directory, ownerWasDamaged }: CheckedStore): Fault[] {
  return ownerWasDamaged ? [{ kind: 'state', problem: unreadableOwner(directory), mends: [] }] : []
}

function requireCopyOf ({ directory, tables }: CheckedStore, { name, rootID }: SecondCopy): void {
  const row = tables.state.getBinary(stateKeys.root)
  const own = row && readRoot(row)
  // Without its own the repair will find it; what is not its own has other checksums.
  if (own !== undefined && own !== rootID) throw new StorageError('format', `These are ${name}, but of another store: its root is ${rootID}, that of ${directory} ${own}`)
}

/** What has changed is news, also of an object that was set aside. */
function newsOf (fault: Fault): Finding {
  const { setAside: _, ...finding } = findingOf(fault)
  return finding
}

function findingOf ({ mends: _, ...finding }: Fault): Finding {
  return finding
}
