/** The change log of a store: every entry keeps its place, so that who has followed the log up to a place goes on from there. */
import { type LoggedEvent, type MetaStore, type Sequence, StorageError } from '../contract.js'
import type { PassOver } from '../backup/unreadable.js'
import { eventsFrom } from './damaged-source.js'
import type { TransferSource, TransferTarget } from './ends.js'

export interface LogOptions {
  readonly signal: AbortSignal
  /** Is told of entries that are there. */
  readonly tell: (entries: number) => void
  /** Is told of entries of the source that cannot be read, which are left out. */
  readonly passOver?: PassOver | undefined
}

const page = 500

/** Goes on where an earlier run stopped, then compares all. Answers the last place that was given out, and how many entries there are. */
export async function moveLog (source: TransferSource, target: TransferTarget, { signal, tell, passOver }: LogOptions): Promise<{ last: Sequence, entries: number }> {
  const last = await source.meta.lastSequence()
  let at = await target.meta.lastSequence()
  if (at > last) throw other()
  for (;;) {
    signal.throwIfAborted()
    const entries = await eventsFrom(source.meta, at, page, { last, passOver })
    if (entries.length === 0) break
    await target.meta.intake.log(entries)
    tell(entries.length)
    at = entries.at(-1)?.sequence ?? at
  }
  return { last, entries: await compare(async after => await eventsFrom(source.meta, after, page, { last, passOver }), target.meta, signal) }
}

async function compare (pageAfter: (after: Sequence) => Promise<LoggedEvent[]>, other: Pick<MetaStore, 'events'>, signal: AbortSignal): Promise<number> {
  let count = 0
  for (let at = 0; ;) {
    signal.throwIfAborted()
    const entries = await pageAfter(at)
    // What the source has trimmed since an earlier run is still in the target.
    const first = entries[0]?.sequence ?? at + 1
    const beside = await other.events(Math.max(at, first - 1), Math.max(1, entries.length))
    if (entries.length !== beside.length || entries.some((entry, n) => !isSame(entry, beside[n]))) throw different()
    const end = entries.at(-1)
    if (end === undefined) return count
    count += entries.length
    at = end.sequence
  }
}

function isSame ({ sequence, event }: LoggedEvent, other: LoggedEvent | undefined): boolean {
  return sequence === other?.sequence && JSON.stringify(event) === JSON.stringify(other.event)
}

function other (): StorageError {
  return new StorageError('format', 'The source has a shorter change log than what was transferred before: it is an older copy. Remove the target and begin anew')
}

function different (): StorageError {
  return new StorageError('corrupt', 'The change log of the target is not that of the source. Remove the target and begin anew')
}
