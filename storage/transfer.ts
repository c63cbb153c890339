/**
 * Moves a whole store into another one. Values first, then records, then the change log; each step finds out by itself what an earlier run has done, and
 * the target is no store before all of it is there and was compared.
 */
import { type BlobID, type ObjectID, StorageError } from './contract.js'
import type { Unreadable } from './backup/unreadable.js'
import { fromSource, PassedOver } from './transfer/damaged-source.js'
import type { TransferSource, TransferTarget } from './transfer/ends.js'
import { findOwners, pathOf } from './transfer/find-owners.js'
import { type Lose, type LostValue, matchRecords } from './transfer/match-records.js'
import { type BlobDamage, moveBlobs } from './transfer/move-blobs.js'
import { moveLog } from './transfer/move-log.js'
import type { Phase, ProgressListener } from './transfer/progress.js'

export interface TransferOptions {
  /** Ends it after the step under way; it can be gone on with. */
  readonly signal?: AbortSignal | undefined
  /** Often called. */
  readonly progress?: ProgressListener | undefined
  /** It comes to its end though the source is damaged: what becomes of records whose values are. What cannot be read at all is left out. Not when no blob at all was sound. */
  readonly lose?: Lose | undefined
}

/** An object that has lost its value on the way. */
export interface LostObject extends LostValue {
  /** Where there is one, in the source. */
  readonly path?: string
}

export interface DamagedBlob extends BlobDamage {
  /** Objects whose value has bytes of it; a path where there is one. */
  readonly objects: ReadonlyArray<{ readonly objectID: ObjectID, readonly path?: string }>
}

export interface TransferReport {
  /** False: values of the source are damaged, and the target stays unfinished. */
  readonly complete: boolean
  readonly rootID: ObjectID
  /** Blobs and bytes that were written by this run, and blobs that were there from earlier ones. */
  readonly blobs: { readonly moved: number, readonly bytes: number, readonly kept: number }
  /** Of the whole target; 0 when it did not come to that. */
  readonly records: number
  readonly events: number
  readonly damaged: readonly DamagedBlob[]
  /** Objects that are there without their value, or not at all. Only where `lose` was given. */
  readonly lost: readonly LostObject[]
  /** Objects and entries of the change log that could not be read, and are not there. Only where `lose` was given. */
  readonly leftOut: readonly Unreadable[]
}

/** When so many are damaged, something else is wrong: the place of the values, most likely. */
const mostDamaged = 1000
/** Walks over the records: one that writes, one that finds everything the same. More are needed only where something else is wrong. */
const mostWalks = 3
const pruned = 500

/** Throws a StorageError, and the reason of `signal`. The caller closes both ends. */
export async function transfer (source: TransferSource, target: TransferTarget, { signal: given, progress = () => {}, lose }: TransferOptions = {}): Promise<TransferReport> {
  const signal = AbortSignal.any([given, source.lost, target.lost].flatMap(one => one ?? []))
  // What nobody can reach any more need not move.
  while (await fromSource(async () => await source.meta.prune(pruned)) > 0) signal.throwIfAborted()
  const there = await source.meta.census()

  const passed = new PassedOver()
  const passOver = lose === undefined ? undefined : passed.note
  const values = new Teller(progress, 'values', there.bytes)
  const { damaged: rotten, ...blobs } = await moveBlobs(source, target, { signal, tell: values.tell, mostDamaged: lose === undefined ? mostDamaged : Infinity, passOver })
  const damaged = [...rotten, ...passed.blobs.map(({ blob, problem }) => ({ blob, problem }))]
  if (damaged.length > 0 && (lose === undefined || blobs.moved + blobs.kept === 0)) {
    const owners = await findOwners(source.meta, new Set<BlobID>(damaged.map(({ blob }) => blob)), signal, passOver)
    return { complete: false, rootID: source.rootID, blobs, records: 0, events: 0, damaged: damaged.map(one => ({ ...one, objects: owners.get(one.blob) ?? [] })), lost: [], leftOut: [] }
  }

  values.end()

  let records = 0
  let lost: readonly LostValue[] = []
  // Each record is looked at twice.
  const looks = new Teller(progress, 'records', there.records * 2)
  for (let walk = 1; ; walk++) {
    const matched = await matchRecords(source, target, { signal, tell: looks.tell, lose, passOver })
    records = matched.records
    lost = matched.lost
    if (matched.changed === 0) break
    if (walk === mostWalks) throw new StorageError('corrupt', 'The target does not give back the records as they were written, or the source is being changed')
  }

  looks.end()

  const { last, entries } = await moveLog(source, target, { signal, tell: new Teller(progress, 'log', undefined).tell, passOver })
  await source.stillAlone()
  signal.throwIfAborted()
  await target.meta.intake.finish(last)
  const objects: LostObject[] = []
  for (const one of lost) objects.push({ ...one, ...await pathOf(source.meta, one.objectID, passOver) })
  return { complete: true, rootID: source.rootID, blobs, records, events: entries, damaged: withObjects(damaged, objects), lost: objects, leftOut: passed.rows }
}

function withObjects (damaged: readonly BlobDamage[], lost: readonly LostObject[]): DamagedBlob[] {
  const found = new Map(damaged.map(one => [one.blob, { ...one, objects: [] as Array<DamagedBlob['objects'][number]> }]))
  for (const { objectID, path, blobs } of lost) {
    for (const blob of blobs) {
      const one = found.get(blob) ?? { blob, problem: `The source knows nothing of blob ${blob} but its name`, objects: [] }
      one.objects.push({ objectID, ...path !== undefined && { path } })
      found.set(blob, one)
    }
  }
  return [...found.values()]
}

/** Adds up what is done of one part. */
class Teller {
  #done = 0

  constructor (readonly progress: ProgressListener, readonly phase: Phase, readonly total: number | undefined) {
    this.#say(total)
  }

  readonly tell = (more: number): void => {
    this.#done += more
    this.#say(this.total)
  }

  /** What was expected was about right; now it is known. */
  end (): void {
    this.#say(this.#done)
  }

  #say (total: number | undefined): void {
    this.progress({ phase: this.phase, done: this.#done, total })
  }
}
