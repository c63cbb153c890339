/** The store over an opened LMDB file and a way to its writer: the same in the process that owns it and in its workers. */
import { join } from 'node:path'
import type { Registry } from '../../metrics/registry.js'
import type { CompleteStoreOptions } from '../../schemas/store-options.js'
import { type ComposedStore, composeStore, type Reporter } from '../compose-store.js'
import type { StoreFlags } from '../contract.js'
import { BlobFiles, type BlobFilesOptions } from '../files/blob-files.js'
import { withoutPlace } from '../scrub.js'
import { embeddedScrub, scrubNote } from './embedded-scrub.js'
import type { EmbeddedMeta } from './embedded-meta.js'
import { openRoot } from './root-row.js'
import { stateKeys, type Tables } from './tables.js'

export interface EmbeddedParts {
  readonly tables: Tables
  readonly meta: EmbeddedMeta
  readonly options: CompleteStoreOptions
  readonly report: Reporter
  readonly flags: StoreFlags
  /** Whether this process sweeps in the background. */
  readonly sweeps: boolean
  readonly metrics: Registry
  /** Runs last: ends the way to the writer, and closes the file. */
  readonly close: () => Promise<void>
}

export async function embeddedStore ({ tables, meta, options, ...rest }: EmbeddedParts): Promise<ComposedStore> {
  const { scrubRate } = options
  let damagedReads = 0
  const files = (watched: Pick<BlobFilesOptions, 'left' | 'damaged'>): BlobFiles =>
    new BlobFiles({ root: join(options.directory, 'blobs'), leaseIsOpen: async lease => await meta.leaseIsOpen(lease), birthOf: blob => meta.birthOf(blob), ...watched })
  return await composeStore({
    ...rest,
    integrity: () => ({ damagedReads: damagedReads + meta.damagedReads, scrub: scrubRate === 0 ? undefined : withoutPlace(scrubNote(meta)) }),
    // What it reads, and finds, is not what clients do.
    ...rest.sweeps && scrubRate > 0 && { background: () => embeddedScrub(meta, files({ left () {} }), scrubRate, rest.report) },
    name: 'embedded',
    meta,
    settings: options,
    rootID: openRoot(tables.state.getBinary(stateKeys.root), options.directory),
    blobs (left) {
      const blobs = files({ left, damaged () { damagedReads++ } })
      return { blobs, probe: async () => { await blobs.probe() } }
    }
  })
}
