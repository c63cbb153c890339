import { join } from 'node:path'
import tap from 'tap'
import { mintObjectID } from '../../cdmi/object-id.js'
import type { JsonObject, RecordPut } from '../../storage/contract.js'
import type { CommitChannel } from '../../storage/embedded/commit-channel.js'
import { EmbeddedMeta } from '../../storage/embedded/embedded-meta.js'
import { KnownPaths, ToldChanges } from '../../storage/embedded/known-paths.js'
import { EmbeddedRecord, encodeRecord } from '../../storage/embedded/record-codec.js'
import { SecondSight } from '../../storage/embedded/second-sight.js'
import { openTables } from '../../storage/embedded/tables.js'
import { openStore } from '../../storage/open-store.js'
import { TreeWalk } from '../../storage/trees.js'

tap.test('An object that was asked for a short time ago is worth keeping, one that is seen for the first time is not', async t => {
  const sight = new SecondSight()
  const ids = Array.from({ length: 1000 }, () => mintObjectID(0))
  const first = ids.filter(id => sight.again(id))
  const second = ids.filter(id => sight.again(id))
  t.same(first, [])
  // A few have had their places taken by others.
  t.ok(second.length > 900, `${second.length} of ${ids.length} were known again`)
})

tap.test('An object that has other bytes each time is not seen again', async t => {
  const sight = new SecondSight()
  const id = mintObjectID(0)
  t.same(['one', 'two', 'three', 'three'].map(text => sight.again(id, Buffer.from(text))), [false, false, false, true])
})

tap.test('Of very many objects that are read once hardly any is kept', async t => {
  const sight = new SecondSight()
  let kept = 0
  for (let n = 0; n < 300_000; n++) if (sight.again(mintObjectID(0))) kept++
  t.ok(kept < 30, `${kept} were kept`)
})

function recordWith (attributes: JsonObject): EmbeddedRecord {
  const id = mintObjectID()
  return new EmbeddedRecord(id, encodeRecord({ id, version: 1, type: 'd', parentID: undefined, name: undefined, attributes, size: 1, inline: Buffer.from('x'), segments: { kind: 'keep' } }))
}

tap.test('a record that is asked for again is kept, but not one with metadata that would fill the memory', async t => {
  const paths = new KnownPaths(new ToldChanges())
  const [small, large] = [recordWith({ metadata: {} }), recordWith({ metadata: { text: 'x'.repeat(10_000) } })]
  for (const record of [small, large]) {
    for (let times = 0; times < 2; times++) {
      t.equal(paths.find(record.id, []), undefined)
      paths.keep(record.id, [], [record])
    }
  }
  t.same(paths.find(small.id, [])?.map(({ id }) => id), [small.id])
  t.equal(paths.find(large.id, []), undefined)
})

tap.test('what is known of a path holds while others come, until one of its records is changed or removed', async t => {
  const record = recordWith({ metadata: {} })
  const other = { ...recordWith({}), attributes: {}, size: 1, segments: { kind: 'keep' } as const }
  const put = (version: number, id = record.id): RecordPut => ({ ...other, id, version })
  const told = new ToldChanges()
  const paths = new KnownPaths(told)
  const known = (): boolean => {
    for (let times = 0; times < 2; times++) paths.keep(record.id, [], [record])
    return paths.find(record.id, []) !== undefined
  }
  t.ok(known())
  for (const change of [{ put: [put(1, mintObjectID())] }, { put: [put(2, mintObjectID())] }, { remove: [{ id: mintObjectID(), version: 1, subtree: false }] }]) {
    told.changed(change)
    t.ok(paths.find(record.id, []) !== undefined, 'another object')
  }
  for (const change of [{ put: [put(1, mintObjectID()), put(2)] }, { remove: [{ id: record.id, version: 2, subtree: false }] }]) {
    told.changed(change)
    t.equal(paths.find(record.id, []), undefined)
    t.ok(known(), 'and is known again')
  }
})

tap.test('when the file of records was opened anew nothing is known any more: what somebody has seen may be gone', async t => {
  const store = await openStore({ directory: join(t.testdir(), 'store') })
  await store.close()
  const tables = openTables(join(t.testdirName, 'store'))
  t.teardown(async () => { await tables.env.close() })
  const none: CommitChannel = { submit: async () => ['failed', 'unavailable', 'nobody writes'], close: async () => {} }
  for (const foreignCommits of [false, true]) {
    const meta = new EmbeddedMeta(tables, none, { foreignCommits })
    const found = (): unknown => meta.known(store.rootID, [])
    found()
    const known = found()
    t.equal(found(), known, 'known')
    meta.reopened()
    const anew = found()
    t.same(anew, known)
    t.not(anew, known, 'looked up')
    t.equal(found(), found(), 'and known again')
  }
})

tap.test('a ring of containers, as damage makes it, keeps nobody who counts in it', async t => {
  const above: Record<string, string> = { a: 'b', b: 'c', c: 'b' }
  const walk = new TreeWalk({ isTree: id => id === 'b', parentOf: id => above[id], leftOf: () => undefined })
  t.same(walk.of('a'), ['b'])
})
