/** Opens a store as its owner: checks the format, takes the lock, starts the writer. */
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { Registry } from '../../metrics/registry.js'
import type { CompleteStoreOptions } from '../../schemas/store-options.js'
import { type LeaseID, StorageError, type Store } from '../contract.js'
import { type End, endProcess } from '../end-process.js'
import type { ComposedStore, Reporter } from '../compose-store.js'
import { mintObjectID } from '../object-id.js'
import { idKey } from '../object-key.js'
import { BatchingChannel, type CommitChannel } from './commit-channel.js'
import { DirectorySync } from '../files/directory-sync.js'
import { makeDirectory } from '../files/make-directory.js'
import { EmbeddedMeta } from './embedded-meta.js'
import { countWrites, readEmbedded } from './embedded-metrics.js'
import { embeddedStore } from './embedded-store.js'
import { type OwnerLock, takeOwnership } from './owner-lock.js'
import { leaseState, leaseStates, sealLease } from './lease-rows.js'
import { deadPins } from './pins.js'
import { encodeRecord } from './record-codec.js'
import { toStorageError } from '../storage-errors.js'
import { migrate, readFormat } from './store-format.js'
import { RecordsFile } from './records-file.js'
import { stateKeys, type Tables } from './tables.js'
import { AlreadyTransferred, type Origin, requireFillable, unfinished } from '../transfer/ends.js'

/** What the owner of a store can do for its worker processes. */
export interface Ownership {
  readonly directory: string
  readonly channel: CommitChannel
  readonly meta: EmbeddedMeta
  /** Leases of worker processes that live. */
  readonly workerLeases: Set<LeaseID>
  readonly flags: { crossProcess: boolean }
  readonly report: Reporter
}

const ownerships = new WeakMap<Store, Ownership>()

/** What goes with a store that `openEmbedded` gave; undefined for any other. */
export function ownershipOf (store: Store): Ownership | undefined {
  return ownerships.get(store)
}

/**
 * `from`: the store whose objects are to fill this one; only with it a store that is being filled can be opened. `end`: sees to the end of the process when its memory is spoilt.
 * Throws a StorageError: 'locked', 'format', or what the operating system says.
 */
export async function openEmbedded (options: CompleteStoreOptions, report: Reporter, { from, end = endProcess }: { from?: Origin, end?: End } = {}): Promise<ComposedStore> {
  const { directory } = options
  const version = await readFormat(directory)
  const metrics = new Registry()
  let [wake, reopened] = [(): void => {}, (): void => {}]
  const file = new RecordsFile({ directory, measured: countWrites(metrics), reopened: () => { reopened() }, report, end })
  const { tables } = file
  let lock: OwnerLock | undefined
  let channel: CommitChannel | undefined
  try {
    lock = await takeOwnership(directory, tables)
    if (from === undefined && tables.state.getBinary(stateKeys.intake) !== undefined) throw new StorageError('format', `The store in ${directory} ${unfinished}`)
    await migrate(directory, version)
    requireRoot(tables, directory)
    tables.env.transactionSync(() => { prepare(tables, options) })
    await makeDirectory(join(directory, 'blobs'), 0o700)
    // The names of the LMDB file and of `blobs` are on the disk before anything is acknowledged.
    await new DirectorySync().sync(directory)
    const workerLeases = new Set<LeaseID>()
    const stopReading = readEmbedded(metrics, directory, file)
    const flags = { crossProcess: false }
    file.begin()
    channel = new BatchingChannel(file, () => { wake() })
    let own: () => LeaseID[] = () => []
    const meta: EmbeddedMeta = new EmbeddedMeta(tables, channel, {
      foreignCommits: false,
      file,
      deadPins: async () => await deadPins(directory, tables),
      staleLeases: open => {
        // Each round of the sweeper comes by here: for a process that was killed while it read LMDB would use no page again, and the file would grow for ever.
        tables.env.readerCheck()
        const live = new Set([...workerLeases, ...own()])
        return open.filter(lease => !live.has(lease))
      }
    })
    wake = () => { meta.wake() }
    reopened = () => { meta.reopened() }
    const opened = { channel, lock }
    if (from !== undefined) requireFillable(await meta.intake.begin(from), `The store in ${directory}`)
    const store = await embeddedStore({
      tables,
      meta,
      options,
      report,
      flags,
      sweeps: true,
      metrics,
      close: async () => {
        stopReading()
        // Walks through trees end in their next turn, and let go of their transactions.
        await setImmediate()
        await letGo(file, opened.channel, opened.lock)
      }
    })
    own = store.openLeases
    ownerships.set(store, { directory, channel, meta, workerLeases, flags, report })
    return store
  } catch (error) {
    await letGo(file, channel, lock).catch((later: unknown) => { report(later, `closing ${directory}`) })
    throw error instanceof AlreadyTransferred ? error : toStorageError(error, `opening ${directory}`)
  }
}

/** Another root would hide all that is there. Throws a StorageError 'corrupt' where it is not known any more. */
function requireRoot ({ records, state }: Tables, directory: string): void {
  if (state.getBinary(stateKeys.root) === undefined && records.getCount() > 0) throw new StorageError('corrupt', `The store in ${directory} has objects, and the note which container is its root is gone; fastify-cdmi repair may put it right, or else restore a backup`)
}

/** The root at the first opening; and every lease of before is closed, for who held it is gone. */
function prepare ({ records, leases, state }: Tables, { enterpriseNumber }: CompleteStoreOptions): void {
  if (state.getBinary(stateKeys.root) === undefined) {
    const id = mintObjectID(enterpriseNumber)
    const born = Date.now() * 1000
    const attributes = { metadata: {}, created: born, modified: born, completionStatus: 'Complete' }
    records.putSync(idKey(id), encodeRecord({ id, version: 1, type: 'c', attributes, size: 0, segments: { kind: 'keep' } }))
    state.putSync(stateKeys.root, Buffer.from(id))
  }
  for (const { key, value } of Array.from(leases.getRange({ start: Buffer.from([0]) }))) if (leaseState(key, value) !== undefined) leases.putSync(key, sealLease(key, leaseStates.closed))
}

async function letGo (file: RecordsFile, channel: CommitChannel | undefined, lock: OwnerLock | undefined): Promise<void> {
  await channel?.close()
  try {
    await (file.isOpen ? lock?.release() : lock?.leave())
  } finally {
    await file.closeTables()
  }
}
