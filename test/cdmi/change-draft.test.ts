import t from 'tap'
import { ChangeDraft } from '../../cdmi/change-draft.js'
import { itself } from '../../cdmi/principal.js'
import { Quotas } from '../../cdmi/quotas.js'
import type { CommitResult, StoredRecord } from '../../storage/contract.js'
import { openMemoryStore } from '../../storage/memory/memory-store.js'
import { turnsOf } from '../helpers/turns-of.js'
import { aRecord, store as commitAll } from '../storage/driver.js'

t.test('what was read at two versions keeps the change from happening, whichever of them is the right one', async t => {
  const store = openMemoryStore()
  const root = await store.meta.get(store.rootID)
  const container = aRecord({ type: 'c', parentID: store.rootID, name: 'a' })
  await commitAll(store, { put: [container] })
  const before = await store.meta.get(container.id)
  if (root === undefined || before === undefined) throw new Error('they are there')
  const later = { ...before, version: before.version + 1 }
  const made = async (read: StoredRecord, readAgain: StoredRecord): Promise<CommitResult> => {
    const draft = new ChangeDraft(itself, new Quotas(store))
    draft.add({ operation: 'create', ancestors: [root, read], before: undefined, put: aRecord({ parentID: before.id, name: 'b' }) })
    draft.expect(readAgain)
    return await store.meta.commit(await draft.change({}))
  }
  t.match(await made(before, later), { status: 'conflict', id: before.id })
  await commitAll(store, { put: [{ ...container, version: later.version }] })
  t.match(await made(before, later), { status: 'conflict', id: before.id })
  t.match(await made(later, later), { status: 'committed' })
})

t.test('a change that expects very many records as they are is put together in turns', async t => {
  const many = 20_000
  const draft = new ChangeDraft(itself, new Quotas(openMemoryStore()))
  const expected = Array.from({ length: many }, (_, n) => ({ id: String(n), version: n }))
  for (const one of expected) draft.expect(one)
  const { all, turns } = await turnsOf(async () => await draft.change({}))
  t.same(all.expect, expected)
  t.ok(turns >= many / 1000, `${turns} turns of the event loop`)
})

t.test('a change of very many objects is put together in turns; it does not expect what it changes itself', async t => {
  const many = 20_000
  const draft = new ChangeDraft(itself, new Quotas(openMemoryStore()))
  const parent = { ...aRecord({ type: 'c' }), version: 7 } as StoredRecord
  for (let n = 0; n < many; n++) {
    const put = aRecord({ id: String(n), parentID: parent.id, name: `${n}`, version: 2 })
    draft.add({ operation: 'create', ancestors: [parent], before: undefined, put })
    draft.expect({ id: put.id, version: 1 })
    // What was read at two versions, and is changed by this very change, is the version of its put that decides.
    draft.expect({ id: put.id, version: 2 })
  }
  const { all, turns } = await turnsOf(async () => await draft.change({}))
  t.same(all.expect, [{ id: parent.id, version: 7 }])
  t.equal(all.put?.length, many)
  t.ok(turns >= many / 1000, `${turns} turns of the event loop`)
})
