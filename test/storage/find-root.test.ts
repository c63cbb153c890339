import t from 'tap'
import { entryKey } from '../../storage/embedded/keys.js'
import { openTables, stateKeys, type Tables } from '../../storage/embedded/tables.js'
import { idKey } from '../../storage/object-key.js'
import { filledStore, harmed, openQuietly, repaired, verified } from './verify-store.js'

const filled = await filledStore(t)
const { id, root } = filled
const key = (path: string): Buffer => idKey(id(path))

/** Two bits of it are wrong. */
function spoilRoot ({ state }: Tables): void {
  state.putSync(stateKeys.root, Buffer.from(root.replace(/..$/, end => (Number.parseInt(end, 16) ^ 0x33).toString(16).padStart(2, '0').toUpperCase())))
}

t.test('where nobody can say which container is the root nothing is moved aside, and no other root is made', async t => {
  const unknown = (tables: Tables): void => {
    tables.records.removeSync(idKey(root))
    // One more that has something in it, and neither a record nor a name.
    tables.records.removeSync(key('/deep'))
    tables.entries.removeSync(entryKey(idKey(root), 'deep'))
  }
  const damaged = await harmed(t, filled, tables => {
    spoilRoot(tables)
    unknown(tables)
  })
  await t.rejects(repaired(damaged), { name: 'StorageError', reason: 'corrupt', message: /^The note which container is the root/ })
  const tables = openTables(damaged)
  t.teardown(async () => { await tables.env.close() })
  t.equal(tables.records.doesExist(key('/deep')), false)

  const gone = await harmed(t, filled, tables => {
    tables.state.removeSync(stateKeys.root)
    unknown(tables)
  })
  await t.rejects(openQuietly(gone), { name: 'StorageError', reason: 'corrupt', message: /has objects, and the note which container is its root is gone; fastify-cdmi repair may put it right, or else restore a backup$/ })
  t.match((await verified(gone)).findings[0], { kind: 'state', problem: 'The store does not say which container is its root, and nothing else tells it; what can be done is to restore a backup' })
})

for (const [what, spoil] of Object.entries({ gone: ({ state }: Tables) => { state.removeSync(stateKeys.root) }, damaged: spoilRoot })) {
  t.test(`the note which container is the root is ${what}: the one container that is in no other is the root, also where its record is gone`, async t => {
    const noted = await harmed(t, filled, spoil)
    await t.rejects(openQuietly(noted), { name: 'StorageError', reason: 'corrupt' })
    t.match(await repaired(noted), [{ kind: 'state', problem: /^(?:The store does not say|The note) which container is/, done: 'it is noted anew: one container is in no other' }])
    t.same((await verified(noted)).findings, [])
    const recordless = await harmed(t, filled, tables => {
      spoil(tables)
      tables.records.removeSync(idKey(root))
      // It is in a container that has lost it, too, but not its name.
      tables.records.removeSync(key('/deep/one'))
    })
    t.match((await repaired(recordless))[0], { done: 'it is noted anew: all that is there is in one container which is in no other' })
    t.same((await verified(recordless)).news, [])
    for (const directory of [noted, recordless]) {
      const store = await openQuietly(directory)
      t.teardown(async () => { await store.close() })
      t.equal(store.rootID, root)
      t.equal((await store.meta.resolve(root, ['deep', 'one', 'two'])).at(-1)?.id, id('/deep/one/two'))
    }
  })
}
