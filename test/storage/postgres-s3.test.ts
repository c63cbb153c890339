import t from 'tap'
import { buffer } from 'node:stream/consumers'
import { v7 } from 'uuid'
import type { BackupReport } from '../../storage/backup/back-up.js'
import { backupNames } from '../../storage/backup/manifest.js'
import { S3Place } from '../../storage/backup/s3-place.js'
import { openS3Blobs } from '../../storage/distributed/s3-blobs.js'
import { repairDistributed } from '../../storage/distributed/verify-distributed.js'
import { openStore } from '../../storage/open-store.js'
import type { Repaired } from '../../storage/verify/findings.js'
import { backUpStore, fullStore, problemsOf, restoredTo, wholeOf } from './backup-steps.js'
import { storeBlob } from './driver.js'
import { driverSuite } from './driver-suite.js'
import { noErrors } from './embedded-driver.js'
import { memoryEnds } from './memory-driver.js'
import { bucketPlaceOf, postgresAndS3, urlOf } from './postgres-driver.js'
import { postgresServer } from './postgres-server.js'
import { freshOptions, s3Server } from './s3-server.js'
import { wholeOfStore } from './whole-store.js'

const [database, s3] = [await postgresServer(), await s3Server()]
if (database === undefined || s3 === undefined) t.pass('PostgreSQL or an S3 server is missing', { skip: true })
else driverSuite(t, postgresAndS3(database, s3))

t.test('backups in S3: what is new is copied, each is checked and restored, and of two writers of one name one is the first', { skip: s3 === undefined ? 'an S3 server is missing' : false }, async t => {
  if (s3 === undefined) return
  const { directory, store, first } = await fullStore(t)
  const options = freshOptions(s3)
  const places: S3Place[] = []
  const open = (): S3Place => {
    const place = new S3Place(urlOf(options))
    places.push(place)
    return place
  }
  t.teardown(async () => { for (const place of places) await place.close() })
  const backup = async (): Promise<BackupReport> => await backUpStore(directory, open())
  t.equal(await open().isEmpty(), true)
  t.match((await backup()).blobs, { copied: first.blobs, kept: 0 })
  t.equal(await open().isEmpty(), false)
  await storeBlob(store, Buffer.alloc(100_000, 'new '), { parentID: store.rootID, name: 'new' })
  const second = await wholeOfStore(store)
  t.match((await backup()).blobs, { copied: 1, kept: first.blobs })
  const names = await backupNames(open())
  t.equal(names.length, 2)
  for (const [at, expected] of [first, second].entries()) {
    const [place, name] = [open(), names[at] ?? '']
    t.same(await problemsOf(place, { name }), [])
    const ends = memoryEnds()
    t.match(await restoredTo(ends, place, { name }), { complete: true })
    t.strictSame(await wholeOf(ends), expected)
  }

  const place = open()
  const won = await Promise.all(['one', 'two'].map(async text => await open().putNew('backups/same.json', Buffer.from(text))))
  t.equal(won.filter(isFirst => isFirst).length, 1)
  t.equal(await place.putNew('backups/same.json', Buffer.from('three')), false)
  await t.rejects(async () => await buffer(place.get('parts/nothing')), { name: 'StorageError', reason: 'missing', message: /^parts\/nothing in s3:\/\/\S+ is gone$/ })
  await t.rejects(place.put('../x', []), { name: 'StorageError', reason: 'format' })
  t.notMatch(place.name, /secret/i)
  t.match(await place.list('backups'), { length: 3 })
})

t.test('objects in a bucket that belong to nothing are moved aside, and the mark of the store is none of them; another bucket is refused', { skip: database === undefined || s3 === undefined ? 'PostgreSQL or an S3 server is missing' : false }, async t => {
  if (database === undefined || s3 === undefined) return
  const place = bucketPlaceOf(t, database, s3)
  const store = await openStore({ ...place, scrubRate: 0 }, noErrors)
  t.teardown(async () => { await store.close() })
  const { birth } = await storeBlob(store, Buffer.alloc(100_000, 'kept'), { parentID: store.rootID, name: 'kept', attributes: { metadata: {}, completionStatus: 'Complete', created: 1, modified: 1 } })
  const bucket = openS3Blobs(place.blobs)
  t.teardown(async () => { await bucket.close() })
  const { blob } = await bucket.put(v7(), [Buffer.alloc(70_000, 'surplus')])
  const lease = store.lease()
  const { blob: underWay } = await store.blobs.put(lease.id, [Buffer.from('under way')])
  t.match(await bucket.readText('.fastify-cdmi-store'), /^[0-9a-f-]{36}$/)
  const look = async (surplusGrace?: number): Promise<Repaired[]> => {
    const findings: Repaired[] = []
    await repairDistributed(place, { surplusGrace }, noErrors, finding => { findings.push(finding) })
    return findings
  }
  t.same(await look(), [], 'what is young is left alone')
  // The clock of the server may be another one.
  const [found] = await look(-3_600_000)
  t.match(found, { kind: 'file', blob, done: /^it is \S*moved-aside\/\S+ now$/ })
  const there: string[] = []
  for await (const { blob } of bucket.all()) there.push(blob)
  t.same(there.sort(), [birth.blob, underWay].sort())
  t.same(await look(-3_600_000), [])
  lease.release([underWay])
  await t.rejects(openStore({ ...place, blobs: bucketPlaceOf(t, database, s3).blobs }, noErrors), { name: 'StorageError', reason: 'format', message: /has its values in s3:\/\/\S+ at \S+; s3:\/\/\S+ at \S+ has no "\.fastify-cdmi-store"/ })
})
