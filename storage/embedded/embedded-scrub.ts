/** The scrub of an embedded store: the process that owns it reads, every process can say how far that is. */
import type { BlobStore } from '../contract.js'
import type { Reporter } from '../compose-store.js'
import { type Scrub, type ScrubNote, scrubSlowly, untouched } from '../scrub.js'
import type { EmbeddedMeta } from './embedded-meta.js'
import { readJson, sealJson } from './json-rows.js'
import { stateKeys } from './tables.js'

export function embeddedScrub (meta: EmbeddedMeta, blobs: Pick<BlobStore, 'get'>, rate: number, report: Reporter): Scrub {
  return scrubSlowly({
    rate,
    births: async (after, limit) => await meta.blobsToScrub(after, limit),
    read: ({ blob, size }) => blobs.get(blob, 0, size),
    isNeeded: async ({ blob }) => meta.isNeeded(blob),
    claim: async () => scrubNote(meta),
    async save (note) {
      await meta.noteScrub(sealJson(stateKeys.scrub, note))
      return true
    },
    async release () {},
    report (error) { report(error, 'scrubbing') }
  })
}

export function scrubNote (meta: EmbeddedMeta): ScrubNote {
  const row = meta.scrubNote()
  const note = row && readJson(stateKeys.scrub, row)
  // Where nobody knows how far it was it begins anew.
  return typeof note === 'object' && note !== null ? note as ScrubNote : untouched
}
