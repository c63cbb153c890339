/** What every driver promises of counting what owners and containers have. */
import fc from 'fast-check'
import type { Test } from 'tap'
import type { Account, AccountLimit, Amount, RecordPut, Store } from '../../storage/contract.js'
import { childrenAccount, ownerAccount, withOwner } from '../../storage/usage.js'
import { aRecord, aValue, commit, type Driver, next, store, storeBlob } from './driver.js'

const owned = (owner: string, fields: Partial<RecordPut> = {}): Partial<RecordPut> => ({ ...fields, attributes: withOwner({ metadata: {} }, owner) })

async function amount (target: Store, account: Account): Promise<Amount | undefined> {
  const usage = await target.meta.usage(account)
  return usage === undefined ? undefined : { bytes: usage.bytes, objects: usage.objects }
}

async function countAll (target: Store): Promise<void> {
  while (await target.meta.countMore(3) > 0);
}

/** An empty store that counts everything. */
async function counting (t: Test, driver: Driver): Promise<Store> {
  const target = await driver.fresh(t)
  await target.meta.beginCounting('owners')
  await target.meta.beginCounting('children')
  await countAll(target)
  return target
}

export function usageSuite (t: Test, driver: Driver): void {
  t.test('what owners have is counted in the commit that changes it', async t => {
    const target = await counting(t, driver)
    const alice = ownerAccount('alice')
    const bob = ownerAccount('bob "\\ é\u2028')
    t.same(await amount(target, alice), { bytes: 0, objects: 0 })
    const container = aRecord(owned('alice', { type: 'c', parentID: target.rootID, name: 'c' }))
    const short = aValue('short', owned('alice', { parentID: container.id, name: 'short' }))
    const parts = aValue('parts', owned('alice', { type: 'p' }))
    await store(target, { put: [container, short, parts, aValue('nobody\u0000', { attributes: { metadata: { owner: 'alice', '\u0000': '\ud800' } } })] })
    t.same(await amount(target, alice), { bytes: 10, objects: 2 }, 'what helps an object has bytes, and is none')
    t.equal((await target.meta.usage(alice))?.whole, true)
    const { put: long } = await storeBlob(target, 'a longer value', owned('bob "\\ é\u2028'))
    t.same(await amount(target, bob), { bytes: 14, objects: 1 })
    const copy = aRecord(owned('alice', { size: 14, segments: { kind: 'copy', from: long.id, version: 1 } }))
    await store(target, { put: [copy] })
    t.same(await amount(target, alice), { bytes: 24, objects: 3 }, 'a copy counts, whatever it shares')
    await store(target, { put: [next(long, { size: 20, segments: { kind: 'splice', offset: 18, length: 2, segments: [] } })] })
    await store(target, { put: [next(short, { parentID: target.rootID, name: 'moved' })] })
    t.same([await amount(target, bob), await amount(target, alice)], [{ bytes: 20, objects: 1 }, { bytes: 24, objects: 3 }])
    await store(target, { remove: [{ id: copy.id, version: 1, subtree: false }, { id: parts.id, version: 1, subtree: false }] })
    t.same(await amount(target, alice), { bytes: 5, objects: 2 })
    t.match(await commit(target, { put: [next(short)] }), { status: 'conflict' })
    t.same(await amount(target, alice), { bytes: 5, objects: 2 }, 'a conflict counts nothing')
    t.same(await target.meta.miscounts(), [])
  })

  t.test('children are counted where they come and go', async t => {
    const target = await driver.fresh(t)
    const one = aRecord({ type: 'c', parentID: target.rootID, name: 'one' })
    const two = aRecord({ type: 'c', parentID: target.rootID, name: 'two' })
    const below = Array.from({ length: 5 }, (_, n) => aRecord({ parentID: one.id, name: String(n) }))
    await store(target, { put: [one, two, ...below] })
    t.equal(await target.meta.usage(childrenAccount(one.id)), undefined, 'nobody asked for it')
    await target.meta.beginCounting('children')
    await target.meta.beginCounting('children')
    const [first, second] = below
    if (first === undefined || second === undefined) throw new Error('there are five')
    await store(target, { remove: [{ id: first.id, version: 1, subtree: false }] })
    t.match(await target.meta.usage(childrenAccount(one.id)), { objects: 4, whole: true }, 'those of before count, too')
    await store(target, { put: [next(second, { parentID: two.id }), aRecord({ parentID: one.id, name: 'more' }), aRecord({ type: 'c', parentID: two.id, name: 'three' })] })
    t.same([await amount(target, childrenAccount(one.id)), await amount(target, childrenAccount(two.id))], [{ bytes: 0, objects: 4 }, { bytes: 0, objects: 2 }])
    await store(target, { remove: [{ id: one.id, version: 1, subtree: true }] })
    t.equal((await target.meta.usage(childrenAccount(one.id)))?.objects ?? 0, 0)
    t.match(await target.meta.usage(childrenAccount(target.rootID)), { objects: 1 })
    while (await target.meta.prune(2) > 0);
    t.same(await target.meta.miscounts(), [])
  })

  t.test('what was there before is counted step by step, while changes go on', async t => {
    const target = await driver.fresh(t)
    const puts = Array.from({ length: 10 }, (_, n) => aValue('x'.repeat(n), owned(n % 2 === 0 ? 'even' : 'odd', { parentID: target.rootID, name: String(n) })))
    await store(target, { put: puts })
    t.equal(await target.meta.usage(ownerAccount('even')), undefined)
    await target.meta.beginCounting('owners')
    await target.meta.beginCounting('owners')
    for (const put of puts.slice(0, 7)) {
      if (await target.meta.countMore(2) === 0) t.equal((await target.meta.usage(ownerAccount('even')))?.whole, true)
      // Some of them are counted already and some are not.
      await store(target, { put: [next(put, { inline: Buffer.from('changed'), size: 7, segments: { kind: 'replace', segments: [] } }), aValue('new', owned('odd'))] })
      t.same(await target.meta.miscounts(), [])
    }
    const gone = puts.at(-1)
    if (gone !== undefined) await store(target, { remove: [{ id: gone.id, version: 1, subtree: false }] })
    await countAll(target)
    t.same(await target.meta.usage(ownerAccount('even')), { bytes: 4 * 7 + 8, objects: 5, whole: true })
    t.same(await target.meta.usage(ownerAccount('odd')), { bytes: 3 * 7 + 7 + 7 * 3, objects: 4 + 7, whole: true })
    t.same(await target.meta.miscounts(), [])
    await target.meta.recount()
    t.same(await target.meta.miscounts(), [])
    await target.sweep()
    t.same(await target.meta.usage(ownerAccount('even')), { bytes: 4 * 7 + 8, objects: 5, whole: true }, 'the sweeper counts the rest')
  })

  t.test('what was below a removed container is given back when it is removed itself', async t => {
    const target = await counting(t, driver)
    const top = aRecord(owned('alice', { type: 'c', parentID: target.rootID, name: 'top' }))
    const middle = aRecord(owned('alice', { type: 'c', parentID: top.id, name: 'middle' }))
    const values = Array.from({ length: 6 }, (_, n) => aValue('value', owned(n < 3 ? 'alice' : 'bob', { parentID: n % 2 === 0 ? top.id : middle.id, name: String(n) })))
    await store(target, { put: [top, middle, ...values] })
    await store(target, { remove: [{ id: top.id, version: 1, subtree: true }] })
    t.same(await amount(target, ownerAccount('alice')), { bytes: 15, objects: 4 }, 'the rest is still there')
    t.same(await target.meta.miscounts(), [])
    await target.meta.prune(2)
    t.same(await target.meta.miscounts(), [])
    await target.sweep()
    t.same(await amount(target, ownerAccount('alice')), { bytes: 0, objects: 0 })
    t.same(await amount(target, ownerAccount('bob')), { bytes: 0, objects: 0 })
    t.same(await target.meta.miscounts(), [])
  })

  t.test('a change that would exceed a limit is refused with the figures, and changes nothing', async t => {
    const target = await counting(t, driver)
    const alice = ownerAccount('alice')
    const limits: AccountLimit[] = [{ account: alice, bytes: 10, objects: 3 }]
    const first = aValue('12345678', owned('alice'))
    await store(target, { put: [first], limits, events: [{}] })
    t.same(await commit(target, { put: [aValue('abc', owned('alice'))], limits, events: [{}] }), { status: 'refused', account: alice, on: 'bytes', used: 8, more: 3, limit: 10 })
    t.equal((await target.meta.events(0, 10)).length, 1)
    t.match(await commit(target, { put: [aValue('ab', owned('alice'))], limits }), { status: 'committed' }, 'up to the very byte')
    t.match(await commit(target, { put: [aValue('much more', owned('bob'))], limits }), { status: 'committed' }, 'others are not concerned')
    const twins = [aRecord(owned('alice')), aRecord(owned('alice'))]
    t.same(await commit(target, { put: twins, limits }), { status: 'refused', account: alice, on: 'objects', used: 2, more: 2, limit: 3 })
    t.match(await commit(target, { put: twins }), { status: 'committed' }, 'who sets no limit has none')
    t.match(await commit(target, { put: [next(first, { attributes: withOwner({ changed: true }, 'alice') })], limits }), { status: 'committed' }, 'above a limit it can still be changed')
    t.match(await commit(target, { put: [next(next(first), { size: 1, inline: Buffer.from('1'), segments: { kind: 'replace', segments: [] } })], limits }), { status: 'committed' }, 'and become less')
    t.match(await commit(target, { put: [aRecord(owned('alice'))], limits: [{ account: alice, objects: 5 }] }), { status: 'committed' }, 'limits may change')
    t.match(await commit(target, { put: [aRecord(owned('alice'))], limits: [{ account: alice, objects: 5 }] }), { status: 'refused', used: 5 })
    const children: AccountLimit[] = [{ account: childrenAccount(target.rootID), objects: 2 }]
    const placed = (name: string): RecordPut => aRecord({ parentID: target.rootID, name })
    const a = placed('a')
    await store(target, { put: [a, placed('b')], limits: children })
    t.same(await commit(target, { put: [placed('c')], limits: children }), { status: 'refused', account: childrenAccount(target.rootID), on: 'objects', used: 2, more: 1, limit: 2 })
    t.match(await commit(target, { put: [next(a, { name: 'd' })], limits: children }), { status: 'committed' }, 'a new name is no more')
    t.match(await commit(target, { put: [placed('c')], remove: [{ id: a.id, version: 2, subtree: false }], limits: children }), { status: 'committed' }, 'one for another is no more')
    t.same(await target.meta.miscounts(), [])
  })

  t.test('of N writers at once exactly as many are let in as there is room for', async t => {
    const target = await counting(t, driver)
    const container = aRecord({ type: 'c', parentID: target.rootID, name: 'c' })
    await store(target, { put: [container] })
    const limits: AccountLimit[] = [{ account: ownerAccount('alice'), bytes: 200 }, { account: childrenAccount(container.id), objects: 50 }]
    const results = await Promise.all(Array.from({ length: 64 }, async (_, n) => await commit(target, { put: [aValue('12345', owned('alice', { parentID: container.id, name: String(n) }))], limits, events: [{}] })))
    t.equal(results.filter(({ status }) => status === 'committed').length, 40)
    t.equal(results.filter(result => result.status === 'refused' && result.on === 'bytes').length, 24)
    const more = await Promise.all(Array.from({ length: 32 }, async (_, n) => await commit(target, { put: [aValue('12345', owned('bob', { parentID: container.id, name: `b${n}` }))], limits, events: [{}] })))
    t.equal(more.filter(({ status }) => status === 'committed').length, 10)
    t.same(await amount(target, ownerAccount('alice')), { bytes: 200, objects: 40 })
    t.same(await amount(target, childrenAccount(container.id)), { bytes: 0, objects: 50 })
    t.same(await target.meta.miscounts(), [])
  })

  t.test('no series of changes makes a count that is not what is there', async t => {
    const target = await counting(t, driver)
    await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.nat(5), fc.nat(3), fc.nat(20)), { minLength: 1, maxLength: 30 }), async steps => {
      const there: RecordPut[] = []
      // No container gets below itself.
      const isIn = (id: string | undefined, container: string): boolean => id !== undefined && (id === container || isIn(there.find(one => one.id === id)?.parentID, container))
      for (const [kind, who, size] of steps) {
        const old = there[size % Math.max(1, there.length)]
        const parent = there.find(({ type }) => type === 'c')?.id ?? target.rootID
        const fresh = aValue('x'.repeat(size), owned(`owner${who}`, { type: kind === 0 ? 'c' : 'd', parentID: parent, name: '' }))
        const put = kind < 3 || old === undefined ? { ...fresh, name: fresh.id } : next(old, { inline: Buffer.alloc(size), size, parentID: isIn(parent, old.id) ? old.parentID : parent, segments: { kind: 'replace', segments: [] } })
        if (kind === 5 && old !== undefined) {
          if (there.some(({ parentID }) => parentID === old.id)) continue
          await store(target, { remove: [{ id: old.id, version: old.version, subtree: old.type === 'c' }] })
          there.splice(there.indexOf(old), 1)
        } else if ((await commit(target, { put: [put], limits: [{ account: ownerAccount(`owner${who}`), bytes: 100 }, { account: childrenAccount(parent), objects: 4 }] })).status === 'committed') {
          if (put.version > 1 && old !== undefined) there.splice(there.indexOf(old), 1)
          there.push(put)
        }
      }
      // What is in a container goes before it.
      const depth = ({ parentID }: RecordPut): number => parentID === undefined ? 0 : 1 + depth(there.find(({ id }) => id === parentID) ?? aRecord())
      for (const one of there.toSorted((a, b) => depth(b) - depth(a))) await store(target, { remove: [{ id: one.id, version: one.version, subtree: one.type === 'c' }] })
      return (await target.meta.miscounts()).length === 0
    }), { numRuns: Math.ceil((driver.runs ?? 40) / 4) })
    t.same(await target.meta.miscounts(), [])
  })
}
