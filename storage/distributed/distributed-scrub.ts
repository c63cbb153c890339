/** The scrub of a store of many servers: one of them reads, all can say how far that is. */
import { setTimeout as delay } from 'node:timers/promises'
import { v7 } from 'uuid'
import { type BlobBirth, type BlobStore, StorageError } from '../contract.js'
import type { Reporter } from '../compose-store.js'
import { type Scrub, type ScrubNote, type ScrubParts, scrubSlowly, scrubTimeout, untouched } from '../scrub.js'
import { checkSource, Damaged, Summing } from '../transfer/checked-bytes.js'
import type { PostgresMeta } from './postgres-meta.js'

/** Milliseconds that the end of a process may take for telling others of it. */
const farewell = 1000

export interface DistributedScrub extends Scrub {
  /** As this process has heard of it last: within about a minute. */
  note (): ScrubNote
}

export interface DistributedScrubOptions extends Pick<ScrubParts, 'rate' | 'pauses'> {
  readonly report: Reporter
  /** Milliseconds after which a server that has noted nothing counts as dead. For tests. */
  readonly timeout?: number
}

export function distributedScrub (meta: PostgresMeta, blobs: Pick<BlobStore, 'get'>, { rate, pauses, report, timeout = scrubTimeout }: DistributedScrubOptions): DistributedScrub {
  const holder = v7()
  let known = untouched
  let held = false
  const scrub = scrubSlowly({
    rate,
    pauses,
    births: async (after, limit) => await meta.namedBlobs(after, limit),
    read: birth => checked(blobs, birth),
    isNeeded: async ({ blob }) => (await meta.unborn([blob])).length === 0,
    async claim () {
      const { note, taken } = await meta.claimScrub(holder, timeout)
      known = note === null ? untouched : JSON.parse(note) as ScrubNote
      held = taken
      return taken ? known : undefined
    },
    async save (note) {
      known = note
      held = await meta.noteScrub(holder, JSON.stringify(note))
      return held
    },
    async release () {
      // Otherwise they find out by themselves: nobody waits for a database that is away.
      if (held) await Promise.race([meta.releaseScrub(holder), delay(farewell, undefined, { ref: false })]).catch(() => {})
    },
    report (error) { report(error, 'scrubbing') }
  })
  return { ...scrub, note: () => known }
}

/** Throws when they are not what was written: reads themselves look only whether there are enough. */
async function * checked (blobs: Pick<BlobStore, 'get'>, birth: BlobBirth): AsyncGenerator<Uint8Array> {
  const sums = new Summing()
  yield * sums.through(blobs.get(birth.blob, 0, birth.size))
  try {
    checkSource(birth, sums.sums())
  } catch (error) {
    throw error instanceof Damaged ? new StorageError('corrupt', error.message, { cause: error }) : error
  }
}
