/** A backup as a store that a transfer reads: what is filled from it has been compared with it, and can be gone on with. */
import { type BlobBirth, type BlobID, type LoggedEvent, type ObjectID, type Sequence, StorageError, type StoredRecord } from '../contract.js'
import { Summing } from '../transfer/checked-bytes.js'
import type { TransferSource } from '../transfer/ends.js'
import type { ReadablePlace } from './backup-place.js'
import { gunzipped } from './gzip-stream.js'
import { fileOfBlob, type KeptBlob, type LogLine, recordOfLine, type RecordLine } from './lines.js'
import { backupNames, type Manifest, readManifest } from './manifest.js'
import { PartReader } from './parts.js'

/** Milliseconds by which clocks of machines differ at most, when they are right. */
const farAhead = 86_400_000

/** The backup of this name, or the last one that was taken at that moment or before it; undefined: the last of all. Throws a StorageError when there is none. */
export async function findBackup (place: ReadablePlace, wanted: { readonly name: string } | { readonly at: number } | undefined): Promise<Manifest> {
  const names = await backupNames(place)
  if (wanted !== undefined && 'name' in wanted) {
    if (!names.includes(wanted.name)) throw new StorageError('missing', `There is no backup ${wanted.name} in ${place.name}`)
    return await readManifest(place, wanted.name)
  }
  const last = names.at(-1)
  if (wanted === undefined && last !== undefined && momentOf(last) > Date.now() + farAhead) {
    throw new StorageError('missing', `The last backup in ${place.name} by its name, ${last}, is of a moment that has not come by the clock of this machine: that is wrong, or was so when the backup was made. Say which one is meant (--at); --list shows them`)
  }
  for (const name of names.reverse()) {
    // By its name: nothing else of those that are too new need be readable.
    if (wanted === undefined || momentOf(name) <= wanted.at) return await readManifest(place, name)
  }
  throw new StorageError('missing', wanted === undefined ? `No backup in ${place.name} has come to its end` : `There is no backup of that moment or before it in ${place.name}`)
}

/** The moment that the name of a backup says, in milliseconds since 1970. */
export function momentOf (name: string): number {
  return Date.parse(name.replace(/T(\d\d)-(\d\d)-/, 'T$1:$2:'))
}

/** Whatever is wrong with a file is told when that is read. */
export function openBackup (place: ReadablePlace, { rootID, sequence, counts, lists }: Manifest): TransferSource {
  const records = new PartReader<RecordLine>(place, lists.records, ({ id }) => id)
  const blobs = new PartReader<KeptBlob>(place, lists.blobs, ({ blob }) => blob)
  const log = new PartReader<LogLine, number>(place, lists.log, ([at]) => at)
  return {
    rootID,
    meta: {
      // The backup has nothing that is out of reach.
      prune: async () => 0,
      census: async () => ({ records: counts.records, blobs: counts.blobs, bytes: counts.bytes }),
      wholes: async ({ after, limit }) => (await records.after(after)).slice(0, limit).map(recordOfLine),
      namedBlobs: async (after, limit) => (await blobs.after(after)).slice(0, limit).map(({ blob, size, hash }): BlobBirth => ({ blob, size, hash })),
      events: async (after, limit) => await entries(log, after, limit),
      lastSequence: async () => sequence,
      lineage: async id => await lineage(records, id)
    },
    blobs: { get: (blob, offset, length) => bytesOf(place, blobs, { blob, offset, length }) },
    async stillAlone () {},
    async close () {}
  }
}

/** As many as there are: logs are compared page by page. */
async function entries (log: PartReader<LogLine, number>, after: Sequence, limit: number): Promise<LoggedEvent[]> {
  const found: LoggedEvent[] = []
  for (let at = after; found.length < limit;) {
    const lines = await log.after(at)
    const last = lines.at(-1)
    if (last === undefined) break
    for (const [sequence, event] of lines.slice(0, limit - found.length)) found.push({ sequence, event })
    at = last[0]
  }
  return found
}

async function lineage (records: PartReader<RecordLine>, id: ObjectID): Promise<StoredRecord[]> {
  const chain: StoredRecord[] = []
  const passed = new Set<ObjectID>()
  for (let at: ObjectID | undefined = id; at !== undefined;) {
    const line: RecordLine | undefined = await records.find(at)
    // A store that was damaged may have had containers that are each other's ancestors.
    if (line === undefined || passed.has(at)) return []
    passed.add(at)
    chain.push(recordOfLine(line).record)
    at = line.parentID
  }
  return chain.reverse()
}

/** A whole blob. Throws a StorageError, 'corrupt' or 'missing', when the backup has it no more. */
async function * bytesOf (place: ReadablePlace, blobs: PartReader<KeptBlob>, { blob, offset, length }: { blob: BlobID, offset: number, length: number }): AsyncGenerator<Uint8Array> {
  const kept = await blobs.find(blob)
  if (kept === undefined) throw new StorageError('missing', `The backup has no blob ${blob}`)
  if (offset !== 0 || length !== kept.size) throw new RangeError('A backup gives blobs as a whole')
  yield * bytesOfKept(place, kept)
}

/** Throws a StorageError, 'corrupt' or 'missing', before its end. */
export async function * bytesOfKept (place: ReadablePlace, { blob, gz, sha256, stored: size, at }: KeptBlob): AsyncGenerator<Uint8Array> {
  const file = fileOfBlob(blob, gz)
  const sums = new Summing()
  try {
    yield * sums.through(gz ? gunzipped(place.get(file, { size, at })) : place.get(file, { size, at }))
  } catch (error) {
    throw error instanceof StorageError ? error : new StorageError('corrupt', `${file} in ${place.name} cannot be decompressed`, { cause: error })
  }
  if (sums.sums().sha256 !== sha256) throw new StorageError('corrupt', `${file} in ${place.name} has other bytes than were written`)
}
