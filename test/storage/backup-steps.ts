/** Stores that are backed up, and what is done with their backups. */
import { join } from 'node:path'
import type { Test } from 'tap'
import type { StoreOptions } from '../../schemas/store-options.js'
import { backUp, type BackupReport } from '../../storage/backup/back-up.js'
import type { BackupPlace, ReadablePlace } from '../../storage/backup/backup-place.js'
import { findBackup } from '../../storage/backup/backup-source.js'
import { checkBackup } from '../../storage/backup/check-backup.js'
import { restore } from '../../storage/backup/restore.js'
import { takeSnapshot } from '../../storage/backup/take-snapshot.js'
import type { Store } from '../../storage/contract.js'
import { openStore } from '../../storage/open-store.js'
import type { TransferOptions, TransferReport } from '../../storage/transfer.js'
import type { Ends } from './driver.js'
import { noErrors, quickDirectory } from './embedded-driver.js'
import { fillStore, type Whole, wholeOfStore } from './whole-store.js'

export interface OpenedStore {
  /** The directory of the store is in it, and whatever is beside that. */
  readonly base: string
  readonly directory: string
  readonly store: Store
}

/** Few bytes fit into a record. */
export async function openedStore (t: Test, options: Partial<StoreOptions> = {}): Promise<OpenedStore> {
  const base = await quickDirectory(t)
  const directory = join(base, 'store')
  const store = await openStore({ directory, trashGrace: 0, sweepInterval: 0, inlineLimit: 8 * 1024, segmentSize: 64 * 1024, ...options }, noErrors)
  t.teardown(async () => { await store.close() })
  return { base, directory, store }
}

/** The same with something in it. */
export async function fullStore (t: Test): Promise<OpenedStore & { first: Whole }> {
  const opened = await openedStore(t)
  await fillStore(opened.store)
  await opened.store.sweep()
  return { ...opened, first: await wholeOfStore(opened.store) }
}

export async function backUpStore (directory: string, place: BackupPlace): Promise<BackupReport> {
  const snapshot = await takeSnapshot({ directory }, noErrors)
  try {
    return await backUp(snapshot, place)
  } finally {
    await snapshot.close()
  }
}

/** Sentences about what is not what was written. */
export async function problemsOf (place: ReadablePlace, at?: { name: string }): Promise<string[]> {
  const problems: string[] = []
  const count = await checkBackup(place, await findBackup(place, at), { signal: new AbortController().signal, progress () {}, tell (problem) { problems.push(problem) } })
  if (count !== problems.length) throw new Error(`${count} problems, ${problems.length} were told`)
  return problems
}

export async function restoredTo (ends: Ends, place: ReadablePlace, at?: { name: string } | { at: number }, options?: TransferOptions): Promise<TransferReport> {
  const manifest = await findBackup(place, at)
  const target = await ends.target(manifest.rootID, manifest.sequence)
  try {
    return await restore(place, manifest, target, options)
  } finally {
    await target.close()
  }
}

/** All that is in the store to which they lead. */
export async function wholeOf (ends: Ends): Promise<Whole> {
  const store = await ends.store()
  try {
    return await wholeOfStore(store)
  } finally {
    await store.close()
  }
}
