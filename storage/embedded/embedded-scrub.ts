/** The scrub of an embedded store: the process that owns it reads, every process can say how far that is. */
import type { BlobStore } from '../contract.js'
import type { Reporter } from '../compose-store.js'
import { type Scrub, type ScrubNote, scrubSlowly, untouched } from '../scrub.js'
import type { EmbeddedMeta } from './embedded-meta.js'

export function embeddedScrub (meta: EmbeddedMeta, blobs: Pick<BlobStore, 'get'>, rate: number, report: Reporter): Scrub {
  return scrubSlowly({
    rate,
    births: async (after, limit) => await meta.blobsToScrub(after, limit),
    read: ({ blob, size }) => blobs.get(blob, 0, size),
    isNeeded: async ({ blob }) => meta.isNeeded(blob),
    claim: async () => scrubNote(meta),
    async save (note) {
      await meta.noteScrub(Buffer.from(JSON.stringify(note)))
      return true
    },
    async release () {},
    report (error) { report(error, 'scrubbing') }
  })
}

export function scrubNote (meta: EmbeddedMeta): ScrubNote {
  const note = meta.scrubNote()
  return note === undefined ? untouched : JSON.parse(note.toString()) as ScrubNote
}
