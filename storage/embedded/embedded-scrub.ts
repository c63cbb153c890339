/** The scrub of an embedded store: the process that owns it reads, every process can say how far that is. */
import type { BlobStore, ScrubState } from '../contract.js'
import type { Reporter } from '../compose-store.js'
import { type Scrub, type ScrubNote, scrubSlowly } from '../scrub.js'
import type { EmbeddedMeta } from './embedded-meta.js'

export function embeddedScrub (meta: EmbeddedMeta, blobs: BlobStore, rate: number, report: Reporter): Scrub {
  return scrubSlowly({
    rate,
    births: async (after, limit) => await meta.namedBlobs(after, limit),
    read: ({ blob, size }) => blobs.get(blob, 0, size),
    isNeeded: async ({ blob }) => meta.isNeeded(blob),
    load: () => scrubNote(meta),
    save: async note => { await meta.noteScrub(Buffer.from(JSON.stringify(note))) },
    report (error) { report(error, 'scrubbing') }
  })
}

/** What was noted last; undefined when nothing was. */
export function scrubNote (meta: EmbeddedMeta): ScrubNote | undefined {
  const note = meta.scrubNote()
  return note === undefined ? undefined : JSON.parse(note.toString()) as ScrubNote
}

/** For those who only want to see it. */
export function withoutPlace (note: ScrubNote | undefined): ScrubState {
  const { began, blobs = 0, bytes = 0, damaged = 0, last } = note ?? {}
  return { began, blobs, bytes, damaged, last }
}
