/** A snapshot of an embedded store, taken by a process that need not own it: LMDB keeps the records as they were, a pin keeps the files. */
import { join } from 'node:path'
import type { Transaction } from 'lmdb'
import { LRUCache } from 'lru-cache'
import { type ObjectID, StorageError } from '../contract.js'
import type { StoreSnapshot } from '../backup/snapshot.js'
import type { PassOver } from '../backup/unreadable.js'
import { BlobFiles } from '../files/blob-files.js'
import { toStorageError } from '../storage-errors.js'
import { idKey } from '../object-key.js'
import { unfinished, type WholeRecord, type WholesQuery } from '../transfer/ends.js'
import { ownerKey } from './keys.js'
import { setPin } from './pins.js'
import { openSequence } from './log-rows.js'
import { checkRecord, EmbeddedRecord, isSoundRecord } from './record-codec.js'
import { openRoot } from './root-row.js'
import { requireCurrent } from './store-format.js'
import { hasKeys, openTables, type Rows, rowsIn, stateKeys, type Tables } from './tables.js'
import { censusOf, eventsOf, namedBlobsOf, pastKey, type WholeTables, wholesOf } from './whole-reads.js'

/** Throws a StorageError when there is no store ('format'), or what the operating system says. Whether a server has it open does not matter. */
export async function takeEmbeddedSnapshot (directory: string): Promise<StoreSnapshot> {
  await requireCurrent(directory)
  const tables = openTables(directory)
  try {
    const pin = await setPin(directory, tables)
    try {
      return snapshot(directory, tables, pin)
    } catch (error) {
      await pin.release()
      throw error
    }
  } catch (error) {
    await tables.env.close()
    throw toStorageError(error, `reading the store in ${directory}`)
  }
}

function snapshot (directory: string, tables: Tables, pin: Awaited<ReturnType<typeof setPin>>): StoreSnapshot {
  // After the pin: see there.
  tables.env.resetReadTxn()
  const transaction = tables.env.useReadTransaction()
  const meta = tablesIn(tables, transaction)
  let released = false
  const releaseMeta = (): void => {
    if (!released) transaction.done()
    released = true
  }
  try {
    const state = new Map(Array.from(rowsIn(tables.state, transaction).getRange({ start: Buffer.from([0]) }), ({ key, value }) => [key.toString('latin1'), value]))
    const [root, sequence] = [stateKeys.root, stateKeys.sequence].map(key => state.get(key.toString('latin1')))
    const rootID = openRoot(root, directory)
    if (state.has(stateKeys.intake.toString('latin1'))) throw new StorageError('format', `The store in ${directory} ${unfinished}`)
    // What hangs below removed containers is out of reach, and a store that is made of this would never be told to remove it.
    const { orphans, records } = tables
    const hasOrphans = Array.from(rowsIn(orphans, transaction).getKeys({ start: Buffer.from([0]), limit: 1 })).length > 0
    const lineages = hasOrphans ? new Lineages(rowsIn(records, transaction), rowsIn(orphans, transaction)) : undefined
    return {
      rootID,
      last: openSequence(sequence),
      taken: Date.now(),
      meta: {
        census: async () => reading(() => censusOf(meta, tables.records.getCount())),
        wholes: async (query, passOver) => reading(() => reachable(meta, query, lineages, passOver)),
        namedBlobs: async (after, limit, passOver) => reading(() => namedBlobsOf(meta, after, limit, { passOver })),
        events: async (after, limit, passOver) => reading(() => eventsOf(meta, after, limit, passOver))
      },
      // Of the files nothing is written here.
      blobs: new BlobFiles({ root: join(directory, 'blobs'), leaseIsOpen: async () => false, left () {} }),
      releaseMeta,
      stillHeld () {
        if (pin.isLost()) throw new StorageError('unavailable', `The server of the store in ${directory} has taken this process for dead, and may have removed what it reads`)
      },
      async close () {
        releaseMeta()
        try {
          await pin.release()
        } finally {
          await tables.env.close()
        }
      }
    }
  } catch (error) {
    releaseMeta()
    throw error
  }
}

function tablesIn ({ records, segments, accesses, blobs, references, log }: Tables, transaction: Transaction): WholeTables {
  const rows = (table: Tables['records']): ReturnType<typeof rowsIn> => rowsIn(table, transaction)
  return { records: rows(records), segments: rows(segments), accesses: rows(accesses), blobs: rows(blobs), references: rows(references), log: rows(log) }
}

/** A page of the records that are not below a removed container. */
function reachable (tables: WholeTables, query: WholesQuery, lineages: Lineages | undefined, passOver?: PassOver): WholeRecord[] {
  for (let { after } = query; ;) {
    const page = wholesOf(tables, { ...query, after }, passOver)
    const last = page.at(-1)
    const kept = lineages === undefined ? page : page.filter(({ record }) => lineages.isWhole(record.parentID, passOver !== undefined))
    // Only the last page is empty.
    if (kept.length > 0 || last === undefined) return kept
    after = last.record.id
  }
}

/** Containers of which it was found out whether they are below a removed one: they are asked for again and again. */
const mostLineages = 10_000

class Lineages {
  readonly #records: Rows
  readonly #orphans: Rows
  readonly #known = new LRUCache<ObjectID, boolean>({ max: mostLineages })

  constructor (records: Rows, orphans: Rows) {
    this.#records = records
    this.#orphans = orphans
  }

  /** Of an object with this parent, which need not be an object: sets of parts have one that is none. A ring of containers, of a store that is damaged, is below nothing that was removed. `passesOver`: nor is what is below a container that cannot be read. */
  isWhole (parent: ObjectID | undefined, passesOver: boolean): boolean {
    const passed = new Set<ObjectID>()
    let at = parent
    let whole: boolean | undefined
    while (whole === undefined) {
      if (at === undefined || passed.has(at)) break
      whole = this.#known.get(at)
      if (whole !== undefined) break
      passed.add(at)
      const start = idKey(at)
      const [row] = this.#records.getRange({ start, end: pastKey(start), limit: 1 })
      if (row === undefined) whole = !hasKeys(this.#orphans, ownerKey(start))
      else if (passesOver && !isSoundRecord(start, row.value)) break
      else {
        checkRecord(start, row.value, at)
        at = new EmbeddedRecord(at, row.value).parentID
      }
    }
    for (const id of passed) this.#known.set(id, whole ?? true)
    return whole ?? true
  }
}

function reading<T> (read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw toStorageError(error, 'reading a snapshot')
  }
}
