import t from 'tap'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { backUp, type BackupReport } from '../../storage/backup/back-up.js'
import { findBackup } from '../../storage/backup/backup-source.js'
import { checkBackup } from '../../storage/backup/check-backup.js'
import { backupNames } from '../../storage/backup/manifest.js'
import { restore } from '../../storage/backup/restore.js'
import { S3Place } from '../../storage/backup/s3-place.js'
import { takeSnapshot } from '../../storage/backup/take-snapshot.js'
import { openStore } from '../../storage/open-store.js'
import { storeBlob } from './driver.js'
import { driverSuite } from './driver-suite.js'
import { noErrors, quickDirectory } from './embedded-driver.js'
import { memoryEnds } from './memory-driver.js'
import { postgresAndS3, urlOf } from './postgres-driver.js'
import { postgresServer } from './postgres-server.js'
import { freshOptions, s3Server } from './s3-server.js'
import { fillStore, wholeOfStore } from './whole-store.js'

const [database, s3] = [await postgresServer(t), await s3Server(t)]
if (database === undefined || s3 === undefined) t.plan(0, 'PostgreSQL or an S3 server is missing')
else driverSuite(t, postgresAndS3(database, s3))

t.test('backups in S3: what is new is copied, each is checked and restored, and of two writers of one name one is the first', { skip: s3 === undefined ? 'an S3 server is missing' : false }, async t => {
  if (s3 === undefined) return
  const base = await quickDirectory(t)
  const directory = join(base, 'store')
  const store = await openStore({ directory, trashGrace: 0, sweepInterval: 0, inlineLimit: 8 * 1024, segmentSize: 64 * 1024 }, noErrors)
  t.teardown(async () => { await store.close() })
  await fillStore(store)
  await store.sweep()
  const options = freshOptions(s3)
  const places: S3Place[] = []
  const open = (): S3Place => {
    const place = new S3Place(urlOf(options))
    places.push(place)
    return place
  }
  t.teardown(async () => { for (const place of places) await place.close() })
  const backup = async (): Promise<BackupReport> => {
    const snapshot = await takeSnapshot({ directory }, noErrors)
    try {
      return await backUp(snapshot, open())
    } finally {
      await snapshot.close()
    }
  }
  t.equal(await open().isEmpty(), true)
  const first = await wholeOfStore(store)
  t.match((await backup()).blobs, { copied: first.blobs, kept: 0 })
  t.equal(await open().isEmpty(), false)
  await storeBlob(store, Buffer.alloc(100_000, 'new '), { parentID: store.rootID, name: 'new' })
  const second = await wholeOfStore(store)
  t.match((await backup()).blobs, { copied: 1, kept: first.blobs })
  const names = await backupNames(open())
  t.equal(names.length, 2)
  for (const [at, expected] of [first, second].entries()) {
    const place = open()
    const manifest = await findBackup(place, { name: names[at] ?? '' })
    const problems: string[] = []
    await checkBackup(place, manifest, { signal: new AbortController().signal, progress () {}, tell (problem) { problems.push(problem) } })
    t.same(problems, [])
    const ends = memoryEnds()
    const target = await ends.target(manifest.rootID, manifest.sequence)
    t.match(await restore(place, manifest, target), { complete: true })
    await target.close()
    t.strictSame(await wholeOfStore(await ends.store()), expected)
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
