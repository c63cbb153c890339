import t from 'tap'
import { buffer } from 'node:stream/consumers'
import type { BackupReport } from '../../storage/backup/back-up.js'
import { backupNames } from '../../storage/backup/manifest.js'
import { S3Place } from '../../storage/backup/s3-place.js'
import { backUpStore, fullStore, problemsOf, restoredTo, wholeOf } from './backup-steps.js'
import { storeBlob } from './driver.js'
import { driverSuite } from './driver-suite.js'
import { memoryEnds } from './memory-driver.js'
import { postgresAndS3, urlOf } from './postgres-driver.js'
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
