/** A store with something of everything in it, copies of it that are harmed, and what verify and repair say of them. */
import { cp, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { recordProblem } from '../../cdmi/check-record.js'
import type { BlobID, ObjectID, Store } from '../../storage/contract.js'
import { repairEmbedded, verifyEmbedded, type VerifyResult } from '../../storage/embedded/verify/verify-embedded.js'
import { sealEntry } from '../../storage/embedded/entry-rows.js'
import { entryKey } from '../../storage/embedded/keys.js'
import { sealRecord } from '../../storage/embedded/record-codec.js'
import { openTables, type Tables } from '../../storage/embedded/tables.js'
import { idKey } from '../../storage/object-key.js'
import { openStore } from '../../storage/open-store.js'
import type { Finding, Repaired, RepairOptions, VerifyOptions } from '../../storage/verify/findings.js'
import { aRecord, store as commitAll, storeBlob } from './driver.js'
import { noErrors, quickDirectory } from './embedded-driver.js'
import { fillStore } from './whole-store.js'

/** Where to find what is harmed. */
export interface Landmarks {
  readonly root: ObjectID
  readonly id: (path: string) => ObjectID
  /** The first blob of an object. */
  readonly blob: (path: string) => BlobID
}

export interface Filled extends Landmarks {
  readonly directory: string
}

const paths = ['/a', '/a/b c', '/a/b c/text', '/a/copy', '/a/sparse', '/a/empty', '/a/many-3', '/copies', '/copies/long', '/in-parts', '/deep', '/deep/one', '/deep/one/two', '/plain'] as const

export async function openQuietly (directory: string): Promise<Store> {
  return await openStore({ directory, trashGrace: 0, sweepInterval: 0, inlineLimit: 8192, segmentSize: 65_536 * 2 }, noErrors)
}

/** `counts`: what owners and containers have is counted. */
export async function filledStore (t: Test, { counts = false } = {}): Promise<Filled> {
  const directory = join(await quickDirectory(t), 'store')
  const store = await openQuietly(directory)
  await fillStore(store)
  if (counts) for (const kind of ['owners', 'children'] as const) await store.meta.beginCounting(kind)
  const attributes = { ...counts && { owner: 'alice' }, metadata: {}, completionStatus: 'Complete', created: 1, modified: 1, mimetype: 'text/plain' }
  let parentID = store.rootID
  for (const name of ['deep', 'one', 'two']) {
    const put = aRecord({ type: 'c', parentID, name, attributes, segments: { kind: 'keep' } })
    await commitAll(store, { put: [put] })
    if (counts && name === 'one') await store.meta.countTree(put.id)
    parentID = put.id
  }
  await storeBlob(store, Buffer.alloc(100_000, 'plain '), { parentID: store.rootID, name: 'plain', attributes })
  await store.sweep()
  const ids = new Map<string, ObjectID>()
  const blobs = new Map<string, BlobID>()
  for (const path of paths) {
    const record = (await store.meta.resolve(store.rootID, path.slice(1).split('/'))).at(-1)
    if (record === undefined) throw new Error(`${path} is not there`)
    ids.set(path, record.id)
    const map = await store.meta.segments(record.id, 0, record.size)
    const blob = map?.segments[0]?.blob
    if (blob !== undefined) blobs.set(path, blob)
  }
  const root = store.rootID
  await store.close()
  return { directory, root, id: path => ids.get(path) ?? '', blob: path => blobs.get(path) ?? '' }
}

/** A copy of its own, harmed by hand. */
export async function harmed (t: Test, filled: Filled, harm: (tables: Tables, directory: string) => unknown): Promise<string> {
  const directory = join(await quickDirectory(t), 'store')
  await cp(filled.directory, directory, { recursive: true, filter: source => !source.endsWith('.sock') })
  const tables = openTables(directory)
  try {
    await harm(tables, directory)
  } finally {
    await tables.env.close()
  }
  return directory
}

/** /deep/ is in /deep/one/ from now on, which stays in it. */
export function makeRing ({ records, entries }: Tables, { id, root }: Landmarks): void {
  const [deep, one] = [idKey(id('/deep')), idKey(id('/deep/one'))]
  const ring = records.getBinary(deep)
  if (ring === undefined) throw new Error('not there')
  const place = entryKey(one, 'deep')
  records.putSync(deep, sealRecord(deep, Buffer.concat([ring.subarray(0, 23), Buffer.from([0, place.length]), place, ring.subarray(25 + ring.readUInt16BE(23))])))
  entries.putSync(place, sealEntry(place, 0x63, deep))
  entries.removeSync(entryKey(idKey(root), 'deep'))
}

export async function verified (directory: string, options: VerifyOptions = {}): Promise<{ findings: Finding[], news: Finding[], result: VerifyResult }> {
  const findings: Finding[] = []
  const result = await verifyEmbedded(directory, { checkRecord: recordProblem, ...options }, finding => { findings.push(finding) })
  return { findings, news: findings.filter(({ setAside }) => setAside !== true), result }
}

export async function repaired (directory: string, options: RepairOptions = {}): Promise<Repaired[]> {
  const done: Repaired[] = []
  await repairEmbedded(directory, { checkRecord: recordProblem, ...options }, one => { done.push(one) })
  return done
}

/** Names of all files below, sorted. */
export async function filesBelow (directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter(entry => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name).slice(directory.length + 1)).sort()
}
