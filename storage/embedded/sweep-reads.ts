/** What the sweeper asks of an embedded store, and who looks after blobs, in the snapshot of this turn of the event loop. */
import type { BlobBirth, BlobID, LeaseID } from '../contract.js'
import { openBlob } from './blob-rows.js'
import { blobKey } from './keys.js'
import { leaseState } from './lease-rows.js'
import { isSoundNote } from './note-rows.js'
import { isReferenced } from './segment-writer.js'
import type { Table, Tables } from './tables.js'

/** Those in this state. */
export function leasesIn (leases: Table, state: number): LeaseID[] {
  return Array.from(leases.getRange({ start: Buffer.from([0]) })).filter(({ key, value }) => leaseState(key, value) === state).map(({ key }) => key.toString())
}

/** What was noted of a blob at its birth. */
export function birthIn (blobs: Table, blob: BlobID): BlobBirth | undefined {
  const key = blobKey(blob)
  const row = blobs.getBinary(key)
  if (row === undefined) return undefined
  const { size, hash } = openBlob(key, row)
  return { blob, size, hash }
}

/** What a segment names was born, even if its row got lost: it is not to be removed. */
export function unbornIn (tables: Tables, blobs: readonly BlobID[]): BlobID[] {
  return blobs.filter(blob => tables.blobs.getBinaryFast(blobKey(blob)) === undefined && !isReferenced(tables, blob))
}

/** What may be removed: a row that has got the name of another blob removes none that somebody needs. */
export function doomedIn (tables: Tables, limit: number): BlobID[] {
  const found: BlobID[] = []
  for (const { key, value } of tables.doomed.getRange({ start: Buffer.from([0]) })) {
    if (found.length >= limit) break
    const blob = key.toString()
    if (isSoundNote(key, value) && !tables.blobs.doesExist(key) && !isReferenced(tables, blob)) found.push(blob)
  }
  return found
}
