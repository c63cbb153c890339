import t, { type Test } from 'tap'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { backUp } from '../../storage/backup/back-up.js'
import { DirectoryPlace } from '../../storage/backup/directory-place.js'
import { secondCopyIn } from '../../storage/backup/second-copy.js'
import { takeSnapshot } from '../../storage/backup/take-snapshot.js'
import { openStore } from '../../storage/open-store.js'
import type { Repaired } from '../../storage/verify/findings.js'
import { storeBlob } from './driver.js'
import { noErrors, quickDirectory } from './embedded-driver.js'
import { filesBelow, repaired, verified } from './verify-store.js'

interface Here {
  readonly directory: string
  readonly place: DirectoryPlace
  readonly backups: string
  /** The blobs of `/v0`, `/v1` … */
  readonly blobs: readonly string[]
  readonly file: (n: number) => string
}

const attributes = { metadata: {}, completionStatus: 'Complete', created: 1, modified: 1, mimetype: 'text/plain', valuetransferencoding: 'base64' }
const valueOf = (n: number): Buffer => Buffer.alloc(100_000, `value ${n} `)

/** A store with a few values of one blob each, and a backup of it. */
async function here (t: Test, count: number): Promise<Here> {
  const base = await quickDirectory(t)
  const [directory, backups] = [join(base, 'store'), join(base, 'backups')]
  const store = await openStore({ directory, sweepInterval: 0 }, noErrors)
  const blobs: string[] = []
  for (let n = 0; n < count; n++) blobs.push((await storeBlob(store, valueOf(n), { parentID: store.rootID, name: `v${n}`, attributes })).birth.blob)
  await store.close()
  const place = new DirectoryPlace(backups)
  await backupOf(directory, place)
  return { directory, place, backups, blobs, file: n => join(directory, 'blobs', blobs[n] ?? '') }
}

async function backupOf (directory: string, place: DirectoryPlace): Promise<void> {
  const snapshot = await takeSnapshot({ directory }, noErrors)
  try {
    await backUp(snapshot, place)
  } finally {
    await snapshot.close()
  }
}

async function rot (file: string): Promise<void> {
  const bytes = await readFile(file)
  bytes[50] = (bytes[50] ?? 0) ^ 1
  await writeFile(file, bytes)
}

async function bytesAt (directory: string, path: readonly string[]): Promise<Buffer> {
  const store = await openStore({ directory, sweepInterval: 0 }, noErrors)
  try {
    const record = (await store.meta.resolve(store.rootID, path)).at(-1)
    const map = record && await store.meta.segments(record.id, 0, record.size)
    const chunks: Uint8Array[] = []
    for (const { blob, blobOffset, length } of map?.segments ?? []) for await (const chunk of store.blobs.get(blob, blobOffset, length)) chunks.push(chunk)
    return Buffer.concat(chunks)
  } finally {
    await store.close()
  }
}

const told = (all: readonly Repaired[]): string[] => all.map(({ path, done = 'nothing' }) => `${path}: ${done.replace(/ in \S+/, '')}`)

t.test('values that are gone or rotten come back from a backup; what was there goes to moved-aside, and nothing else changes', async t => {
  const { directory, place, blobs, file } = await here(t, 4)
  await rm(file(0))
  await rot(file(1))
  const copy = await secondCopyIn(place)
  t.same(told(await repaired(directory, { copy, dryRun: true })), ['/v0: it would come back, from the backups', '/v1: it would come back, from the backups'])
  await t.rejects(stat(file(0)), { code: 'ENOENT' }, 'a dry run changes nothing')
  const rotten = await readFile(file(1))
  t.same(told(await repaired(directory, { copy })), ['/v0: it is back, from the backups', '/v1: it is back, from the backups'])
  t.same((await verified(directory)).findings, [])
  for (let n = 0; n < 4; n++) t.ok(valueOf(n).equals(await bytesAt(directory, [`v${n}`])), `/v${n}`)
  t.same(await filesBelow(join(directory, 'moved-aside')), [`blobs/${blobs[1]}`])
  t.ok(rotten.equals(await readFile(join(directory, 'moved-aside', 'blobs', blobs[1] ?? ''))))
  t.same(await repaired(directory, { copy }), [], 'there is nothing more to do')
})

t.test('all files of values are gone, their directories too: they come back', async t => {
  const { directory, place } = await here(t, 2)
  await rm(join(directory, 'blobs'), { recursive: true })
  t.equal((await repaired(directory, { copy: await secondCopyIn(place) })).length, 2)
  t.same((await verified(directory)).findings, [])
  t.ok(valueOf(1).equals(await bytesAt(directory, ['v1'])))
})

t.test('an object that a repair has set aside before is released when its bytes come back', async t => {
  const { directory, place, file } = await here(t, 2)
  await rm(file(0))
  t.match(await repaired(directory), [{ path: '/v0', done: 'it is /lost%2Bfound/v0 now' }])
  const done = await repaired(directory, { copy: await secondCopyIn(place) })
  t.same(told(done), ['/lost%2Bfound/v0: it is back, from the backups', '/lost%2Bfound/v0: it can be read, and be moved to where it was'])
  t.same((await verified(directory)).findings, [])
  t.ok(valueOf(0).equals(await bytesAt(directory, ['lost+found', 'v0'])))
})

t.test('what the backups do not have, or not as it was written, is set aside as without them', async t => {
  const { directory, place, backups, blobs, file } = await here(t, 3)
  const store = await openStore({ directory, sweepInterval: 0 }, noErrors)
  const later = await storeBlob(store, valueOf(9), { parentID: store.rootID, name: 'later', attributes })
  await store.close()
  await rm(join(directory, 'blobs', later.birth.blob))
  for (const n of [0, 1]) await rm(file(n))
  for (const [n, harm] of [[0, rot], [1, rm]] as const) {
    const [kept = ''] = (await filesBelow(join(backups, 'blobs'))).filter(name => name.startsWith(blobs[n] ?? ' '))
    await harm(join(backups, 'blobs', kept))
  }
  const done = await repaired(directory, { copy: await secondCopyIn(place) })
  t.same(told(done).sort(), ['/later: it is /lost%2Bfound/later now', '/v0: it is /lost%2Bfound/v0 now', '/v1: it is /lost%2Bfound/v1 now'])
  t.same((await verified(directory)).news, [])
  t.notOk((await readdir(join(directory, 'blobs'), { recursive: true })).some(name => name.endsWith('.back')), 'no draft is left')
})

t.test('a last backup that cannot be read is passed over for the one before', async t => {
  const { directory, place, backups, file } = await here(t, 1)
  const store = await openStore({ directory, sweepInterval: 0 }, noErrors)
  await storeBlob(store, valueOf(8), { parentID: store.rootID, name: 'more', attributes })
  await store.close()
  await backupOf(directory, place)
  const [, last = ''] = (await readdir(join(backups, 'backups'))).sort()
  await writeFile(join(backups, 'backups', last), '{')
  await rm(file(0))
  t.same(told(await repaired(directory, { copy: await secondCopyIn(place) })), ['/v0: it is back, from the backups'])
  for (const name of await readdir(join(backups, 'backups'))) await writeFile(join(backups, 'backups', name), '{')
  await t.rejects(secondCopyIn(place), { name: 'StorageError', reason: 'missing', message: /^No backup in .* can be read$/ })
})

t.test('backups of another store are refused, and nothing has changed', async t => {
  const [one, other] = [await here(t, 1), await here(t, 1)]
  await rm(one.file(0))
  await t.rejects(repaired(one.directory, { copy: await secondCopyIn(other.place) }), { name: 'StorageError', reason: 'format', message: /^These are the backups in .*, but of another store/ })
  t.equal((await verified(one.directory)).news.length, 1)
})

t.test('an interruption ends it, and leaves what the next repair makes good', async t => {
  const { directory, place, file } = await here(t, 2)
  for (const n of [0, 1]) await rm(file(n))
  const copy = await secondCopyIn(place)
  const stop = new AbortController()
  await t.rejects(repaired(directory, { signal: stop.signal, copy: { ...copy, find: async blob => { stop.abort(new Error('enough')); return await copy.find(blob) } } }), { message: 'enough' })
  t.equal((await repaired(directory, { copy })).length, 2)
  t.same((await verified(directory)).findings, [])
})
