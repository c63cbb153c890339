/** Stores that do not say which container is their root, and in which more than that is wrong. */
import t from 'tap'
import { entryKey } from '../../storage/embedded/keys.js'
import { stateKeys, type Tables } from '../../storage/embedded/tables.js'
import { idKey } from '../../storage/object-key.js'
import { filledStore, harmed, openQuietly, repaired, verified } from './verify-store.js'

const filled = await filledStore(t)
const { root, id } = filled

/** The note is gone, and two bits of its record are wrong. */
function harm ({ state, records }: Tables): void {
  state.removeSync(stateKeys.root)
  const record = Buffer.from(records.getBinary(idKey(root)) ?? '')
  for (const at of [30, 40]) record[at] = (record[at] ?? 0) ^ 1
  records.putSync(idKey(root), record)
}

t.test('the root is found also where its record has other bytes than were written', async t => {
  const directory = await harmed(t, filled, harm)
  t.match((await repaired(directory))[0], { done: 'it is noted anew: all that is there is in one container which is in no other' })
  t.same((await verified(directory)).news, [])
  const store = await openQuietly(directory)
  t.teardown(async () => { await store.close() })
  t.equal(store.rootID, root)
  t.equal((await store.meta.resolve(root, ['deep', 'one', 'two'])).at(-1)?.id, id('/deep/one/two'))
})

t.test('another container that has neither a record nor a name is not taken for it', async t => {
  const directory = await harmed(t, filled, tables => {
    harm(tables)
    tables.records.removeSync(idKey(id('/deep')))
    tables.entries.removeSync(entryKey(idKey(root), 'deep'))
  })
  const { findings } = await verified(directory)
  t.match(findings[0], { kind: 'state', problem: 'The store does not say which container is its root, and nothing else tells it; what can be done is to restore a backup' })
  await t.rejects(repaired(directory), { name: 'StorageError' })
})
