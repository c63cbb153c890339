/** What a transfer reads of its source, and what it does about that which has other bytes than were written. */
import { type LoggedEvent, type Sequence, StorageError } from '../contract.js'
import { DamagedBackup } from '../backup/damaged-backup.js'
import { attributesOf } from '../backup/lines.js'
import { isDamage, type PassOver, readableOf, type Unreadable } from '../backup/unreadable.js'
import type { SourceMeta, WholeRecord, WholesQuery } from './ends.js'

/** Rows of the source cannot be read: no damage of the target. */
export class DamagedSource extends StorageError {
  constructor (cause: StorageError) { super(cause.reason, cause.message, { cause }) }
}

/** What was passed over, each once, though it is come upon in each walk. */
export class PassedOver {
  readonly #known = new Map<string, Unreadable>()
  readonly note: PassOver = one => { this.#known.set([one.objectID, one.blob, one.problem].join(' '), one) }

  /** Objects and entries of the change log. */
  get rows (): Unreadable[] {
    return [...this.#known.values()].filter(({ blob }) => blob === undefined)
  }

  get blobs (): Array<Unreadable & { readonly blob: string }> {
    return [...this.#known.values()].flatMap(one => one.blob === undefined ? [] : [{ ...one, blob: one.blob }])
  }
}

/** Throws DamagedSource for what is wrong with rows. A backup names its files itself. */
export async function fromSource<T> (read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    throw isDamage(error) && !(error instanceof DamagedBackup) ? new DamagedSource(error) : error
  }
}

export interface SourcePage {
  /** Those that can be read. */
  readonly wholes: readonly WholeRecord[]
  /** The last that was looked at; undefined at the end. */
  readonly last: WholeRecord | undefined
  readonly looked: number
}

/** A page of the records, whose attributes can be read. */
export async function wholesFrom (meta: SourceMeta, query: WholesQuery, passOver: PassOver | undefined): Promise<SourcePage> {
  return await fromSource(async () => {
    const page = await meta.wholes(query, passOver)
    const wholes = readableOf(page, whole => {
      attributesOf(whole.record)
      return whole
    }, passOver, ({ record }) => ({ objectID: record.id }))
    return { wholes, last: page.at(-1), looked: page.length }
  })
}

/** A page of the change log; none at its end only. `last`: its end, behind which nothing was given out. */
export async function eventsFrom (meta: Pick<SourceMeta, 'events'>, after: Sequence, limit: number, { last, passOver }: { readonly last: Sequence, readonly passOver: PassOver | undefined }): Promise<LoggedEvent[]> {
  const entries = await fromSource(async () => await meta.events(after, limit, passOver))
  if (passOver === undefined) return entries
  return readableOf(entries, entry => {
    if (entry.sequence > last) throw new StorageError('corrupt', `The change log has an entry ${entry.sequence} behind its last one, ${last}`)
    return entry
  }, passOver, () => ({}))
}
