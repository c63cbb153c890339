/** What every driver promises of counting what containers have with all that is below them. */
import fc from 'fast-check'
import type { Test } from 'tap'
import type { AccountLimit, Amount, ObjectID, RecordPut, Store } from '../../storage/contract.js'
import { treeAccount, withTrees } from '../../storage/usage.js'
import { aRecord, aValue, commit, type Driver, next, store } from './driver.js'

async function amount (target: Store, tree: ObjectID): Promise<Amount | undefined> {
  const usage = await target.meta.usage(treeAccount(tree))
  return usage === undefined ? undefined : { bytes: usage.bytes, objects: usage.objects }
}

const containerIn = (parentID: ObjectID, name: string): RecordPut => aRecord({ type: 'c', parentID, name })
const valueIn = (parentID: ObjectID, name: string, value = 'value'): RecordPut => aValue(value, { parentID, name })

/** `a` is a tree, `a/b/c` is one in it, `other` is none. */
async function forest (t: Test, driver: Driver): Promise<{ target: Store, a: RecordPut, b: RecordPut, c: RecordPut, other: RecordPut }> {
  const target = await driver.fresh(t)
  await target.meta.beginCounting('trees')
  const a = containerIn(target.rootID, 'a')
  const b = containerIn(a.id, 'b')
  const c = containerIn(b.id, 'c')
  const other = containerIn(target.rootID, 'other')
  await store(target, { put: [a, b, c, other], trees: [a.id, c.id] })
  return { target, a, b, c, other }
}

export function treesSuite (t: Test, driver: Driver): void {
  t.test('a container is counted with all that is below it, in the commit that changes it', async t => {
    const { target, a, b, c, other } = await forest(t, driver)
    t.same(await target.meta.usage(treeAccount(a.id)), { bytes: 0, objects: 3, whole: true }, 'itself is the first')
    t.same(await amount(target, c.id), { bytes: 0, objects: 1 })
    t.equal(await target.meta.usage(treeAccount(b.id)), undefined, 'nobody asked for it')
    const low = valueIn(c.id, 'low')
    const high = valueIn(a.id, 'high', '12')
    await store(target, { put: [low, high, valueIn(other.id, 'aside')] })
    t.same([await amount(target, a.id), await amount(target, c.id)], [{ bytes: 7, objects: 5 }, { bytes: 5, objects: 2 }])
    await store(target, { put: [next(low, { size: 9, segments: { kind: 'splice', offset: 8, length: 1, segments: [] } })] })
    t.same([await amount(target, a.id), await amount(target, c.id)], [{ bytes: 11, objects: 5 }, { bytes: 9, objects: 2 }])
    await store(target, { put: [next(high, { parentID: other.id })] })
    t.same(await amount(target, a.id), { bytes: 9, objects: 4 }, 'an object that leaves takes its bytes along')
    await store(target, { put: [next(next(high), { parentID: c.id, name: 'high' })] })
    t.same([await amount(target, a.id), await amount(target, c.id)], [{ bytes: 11, objects: 5 }, { bytes: 11, objects: 3 }])
    await store(target, { remove: [{ id: low.id, version: 2, subtree: false }] })
    t.same([await amount(target, a.id), await amount(target, c.id)], [{ bytes: 2, objects: 4 }, { bytes: 2, objects: 2 }])
    t.match(await commit(target, { put: [next(low)] }), { status: 'conflict' })
    t.match(await commit(target, { put: [containerIn(a.id, 'b')], trees: [] }), { status: 'conflict', on: 'name' })
    const made = containerIn(a.id, 'b')
    t.match(await commit(target, { put: [made], trees: [made.id] }), { status: 'conflict', on: 'name' })
    t.equal(await target.meta.usage(treeAccount(made.id)), undefined, 'what is not made is no tree')
    // What helps an object hangs nowhere, and counts where it says.
    const parts = aValue('parts', { type: 'p', attributes: withTrees({ owner: 'x"y', metadata: { within: ['00'] } }, [a.id, c.id]) })
    await store(target, { put: [parts] })
    t.same([await amount(target, a.id), await amount(target, c.id)], [{ bytes: 7, objects: 4 }, { bytes: 7, objects: 2 }])
    await store(target, { put: [next(parts, { size: 8, attributes: withTrees({}, [a.id]) })] })
    t.same([await amount(target, a.id), await amount(target, c.id)], [{ bytes: 10, objects: 4 }, { bytes: 2, objects: 2 }])
    await store(target, { put: [next(next(parts), { size: 8, attributes: { within: 'nowhere' } })] })
    t.same(await amount(target, a.id), { bytes: 2, objects: 4 })
    t.same(await target.meta.miscounts(), [])
  })

  t.test('a container stays in its trees, and may go wherever it does', async t => {
    const { target, a, b, c, other } = await forest(t, driver)
    await store(target, { put: [valueIn(b.id, 'v')] })
    t.same(await commit(target, { put: [next(b, { parentID: other.id })] }), { status: 'refused', on: 'trees', id: b.id }, 'out of one')
    t.same(await commit(target, { put: [next(other, { parentID: c.id })] }), { status: 'refused', on: 'trees', id: other.id }, 'into others')
    t.same(await commit(target, { put: [next(b, { parentID: other.id }), next(other, { name: 'x' })] }), { status: 'refused', on: 'trees', id: b.id }, 'with others')
    t.same(await target.meta.miscounts(), [])
    const inner = containerIn(b.id, 'inner')
    await store(target, { put: [inner, valueIn(inner.id, 'v')] })
    await store(target, { put: [next(inner, { parentID: a.id }), valueIn(inner.id, 'w'), next(b, { name: 'renamed' })] })
    t.same(await amount(target, a.id), { bytes: 15, objects: 7 })
    await store(target, { put: [next(a, { name: 'new', parentID: other.id })] })
    await store(target, { put: [valueIn(inner.id, 'x')] })
    t.same(await amount(target, a.id), { bytes: 20, objects: 8 }, 'a tree itself can be moved')
    t.same(await target.meta.miscounts(), [])
  })

  t.test('many that change places at once are counted where they were and where they are', async t => {
    const { target, a, b, c, other } = await forest(t, driver)
    const [one, two] = [containerIn(a.id, 'one'), containerIn(b.id, 'two')]
    const [x, y, z] = [valueIn(one.id, 'x', '1'), valueIn(two.id, 'y', '22'), valueIn(other.id, 'z', '333')]
    await store(target, { put: [one, two, x, y, z] })
    t.same(await amount(target, a.id), { bytes: 3, objects: 7 })
    // The first goes into the second, which goes up; what was in them goes down, out and in.
    await store(target, { put: [next(two, { parentID: a.id }), next(one, { parentID: two.id }), next(x, { parentID: c.id }), next(y, { parentID: other.id }), next(z, { parentID: one.id }), valueIn(one.id, 'new', '4444')] })
    t.same([await amount(target, a.id), await amount(target, c.id)], [{ bytes: 8, objects: 8 }, { bytes: 1, objects: 2 }])
    t.same(await target.meta.miscounts(), [])
    // One leaves a container that is removed by the same change.
    await store(target, { put: [next(next(z), { parentID: other.id })], remove: [{ id: one.id, version: 2, subtree: true }] })
    t.same(await amount(target, a.id), { bytes: 5, objects: 6 })
    await target.sweep()
    t.same(await amount(target, a.id), { bytes: 1, objects: 5 })
    t.same(await target.meta.miscounts(), [])
  })

  t.test('what was there before is counted step by step, while changes go on', async t => {
    const target = await driver.fresh(t)
    const top = containerIn(target.rootID, 'top')
    const low = containerIn(top.id, 'low')
    const puts = Array.from({ length: 10 }, (_, n) => valueIn([target.rootID, top.id, low.id][n % 3] ?? '', String(n), 'x'.repeat(n)))
    await store(target, { put: [top, low, ...puts] })
    t.equal(await target.meta.usage(treeAccount(top.id)), undefined)
    await target.meta.beginCounting('trees')
    await target.meta.countTree(top.id)
    await target.meta.countTree(top.id)
    await target.meta.countTree(aRecord().id)
    for (const [n, put] of puts.entries()) {
      if (n === 4) await target.meta.countTree(low.id)
      await target.meta.countMore(2)
      // Some of them are counted already and some are not.
      const parentID = [low.id, target.rootID, top.id][n % 3] ?? ''
      await store(target, { put: [next(put, { parentID, name: `moved${n}` }), valueIn(parentID, `new${n}`, '12')] })
      t.same(await target.meta.miscounts(), [])
    }
    while (await target.meta.countMore(3) > 0);
    const inTop = puts.filter((_, n) => n % 3 !== 1)
    const inLow = puts.filter((_, n) => n % 3 === 0)
    const sum = (of: readonly RecordPut[]): number => of.reduce((sum, { size }) => sum + size + 2, 0)
    t.same(await target.meta.usage(treeAccount(top.id)), { bytes: sum(inTop), objects: 2 + 2 * inTop.length, whole: true })
    t.same(await target.meta.usage(treeAccount(low.id)), { bytes: sum(inLow), objects: 1 + 2 * inLow.length, whole: true })
    t.same(await target.meta.miscounts(), [])
    await target.meta.recount()
    t.same(await target.meta.miscounts(), [])
    await target.sweep()
    t.same(await target.meta.usage(treeAccount(top.id)), { bytes: sum(inTop), objects: 2 + 2 * inTop.length, whole: true }, 'the sweeper counts the rest')
  })

  t.test('what was below a removed container is given back when it is removed itself', async t => {
    const { target, a, b, c } = await forest(t, driver)
    const deep = containerIn(c.id, 'deep')
    await store(target, { put: [deep, ...[a, b, c, deep].flatMap(({ id }) => ['1', '2', '3'].map(name => valueIn(id, name)))] })
    await store(target, { remove: [{ id: b.id, version: 1, subtree: true }] })
    t.same([await amount(target, a.id), await amount(target, c.id)], [{ bytes: 60, objects: 15 }, { bytes: 30, objects: 8 }], 'the rest is still there')
    t.same(await target.meta.miscounts(), [])
    for (let n = 0; n < 3; n++) {
      await target.meta.prune(2)
      t.same(await target.meta.miscounts(), [])
    }
    const part = aValue('part', { type: 'p', attributes: withTrees({}, [a.id, c.id]) })
    await store(target, { put: [part] })
    await target.sweep()
    t.same(await amount(target, a.id), { bytes: 19, objects: 4 })
    t.equal(await target.meta.usage(treeAccount(c.id)), undefined, 'a tree that is gone is none')
    await store(target, { remove: [{ id: part.id, version: 1, subtree: false }, { id: a.id, version: 1, subtree: true }] })
    await target.sweep()
    t.equal(await target.meta.usage(treeAccount(a.id)), undefined)
    t.same(await target.meta.miscounts(), [])
  })

  t.test('a change that would exceed the limit of a tree is refused with the figures, and changes nothing', async t => {
    const { target, a, b, c, other } = await forest(t, driver)
    const limits: AccountLimit[] = [{ account: treeAccount(a.id), bytes: 10, objects: 5 }, { account: treeAccount(c.id), bytes: 6 }]
    await store(target, { put: [valueIn(c.id, '1', '123456')], limits })
    t.same(await commit(target, { put: [valueIn(c.id, '2', '1')], limits }), { status: 'refused', account: treeAccount(c.id), on: 'bytes', used: 6, more: 1, limit: 6 })
    t.same(await commit(target, { put: [valueIn(a.id, '2', '12345')], limits }), { status: 'refused', account: treeAccount(a.id), on: 'bytes', used: 6, more: 5, limit: 10 })
    const aside = valueIn(other.id, 'aside', '12345')
    await store(target, { put: [aside], limits })
    t.same(await commit(target, { put: [next(aside, { parentID: a.id })], limits }), { status: 'refused', account: treeAccount(a.id), on: 'bytes', used: 6, more: 5, limit: 10 }, 'a move needs room')
    await store(target, { put: [valueIn(a.id, '2', '1234')], limits })
    t.match(await commit(target, { put: [valueIn(a.id, '3', '')], limits }), { status: 'refused', on: 'objects', used: 5, more: 1, limit: 5 })
    const fresh = containerIn(target.rootID, 'fresh')
    const small: AccountLimit[] = [{ account: treeAccount(fresh.id), objects: 2 }]
    t.match(await commit(target, { put: [fresh, valueIn(fresh.id, '1'), valueIn(fresh.id, '2')], trees: [fresh.id], limits: small }), { status: 'refused', account: treeAccount(fresh.id), on: 'objects', used: 0, more: 3, limit: 2 })
    t.equal(await target.meta.usage(treeAccount(fresh.id)), undefined)
    await store(target, { put: [fresh, valueIn(fresh.id, '1')], trees: [fresh.id], limits: small })
    // Writers at the border are let in to the very byte.
    const border: AccountLimit[] = [{ account: treeAccount(a.id), bytes: 210 }, { account: treeAccount(c.id), bytes: 66 }]
    const places = [a, b, c]
    const results = await Promise.all(Array.from({ length: 66 }, async (_, n) => await commit(target, { put: [valueIn(places[n % 3]?.id ?? '', `n${n}`, '12345')], limits: border, events: [{}] })))
    const inC = results.filter(({ status }, n) => n % 3 === 2 && status === 'committed').length
    t.equal(results.filter(({ status }) => status === 'committed').length, 40)
    t.ok(inC <= 12, 'in the inner one no more than it may have')
    t.same([await amount(target, a.id), await amount(target, c.id)], [{ bytes: 210, objects: 45 }, { bytes: 6 + inC * 5, objects: 2 + inC }])
    t.same(await target.meta.miscounts(), [])
  })

  t.test('no series of changes makes a tree have what is not there', async t => {
    const target = await driver.fresh(t)
    await target.meta.beginCounting('trees')
    await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.nat(6), fc.nat(9), fc.nat(9), fc.nat(20)), { minLength: 1, maxLength: 40 }), async steps => {
      const world = containerIn(target.rootID, `w${Math.random()}`)
      await store(target, { put: [world] })
      const there = new Map<ObjectID, RecordPut>([[world.id, world]])
      const trees: ObjectID[] = []
      const chain = (id: ObjectID | undefined): ObjectID[] => id === undefined ? [] : [...chain(there.get(id)?.parentID), id]
      const treesAt = (id: ObjectID | undefined): ObjectID[] => chain(id).filter(one => trees.includes(one))
      const pick = (n: number, type: string): RecordPut | undefined => {
        const all = [...there.values()].filter(one => one.type === type && one !== world)
        return all[n % Math.max(1, all.length)]
      }
      for (const [kind, which, where, size] of steps) {
        const parent = where === 0 ? world : pick(where, 'c') ?? world
        if (kind < 2) {
          const fresh = kind === 0 ? containerIn(parent.id, '') : valueIn(parent.id, '', 'x'.repeat(size))
          const put = { ...fresh, name: fresh.id }
          const isTree = kind === 0 && size < 8
          await store(target, { put: [put], ...isTree && { trees: [put.id] } })
          if (isTree) trees.push(put.id)
          there.set(put.id, put)
          continue
        }
        const old = pick(which, kind < 5 ? 'd' : 'c')
        if (old === undefined || chain(parent.id).includes(old.id)) continue
        if (kind === 2 || (kind === 6 && size < 4)) {
          await store(target, { remove: [{ id: old.id, version: old.version, subtree: old.type === 'c' }] })
          for (const id of [...there.keys()]) if (chain(id).includes(old.id)) there.set(id, { ...there.get(id) ?? old, type: 'gone' })
          for (const [id, { type }] of [...there]) if (type === 'gone') there.delete(id)
          if (size % 2 === 0) await target.meta.prune(2)
        } else {
          const put = next(old, kind === 3 ? { size, inline: Buffer.alloc(size), segments: { kind: 'replace', segments: [] } } : { parentID: parent.id })
          const free = old.type !== 'c' || `${treesAt(old.parentID)}` === `${treesAt(put.parentID)}`
          const { status } = await commit(target, { put: [put] })
          if (status !== (free ? 'committed' : 'refused')) throw new Error(`${status}: a container goes from ${treesAt(old.parentID)} to ${treesAt(put.parentID)}`)
          if (free) there.set(put.id, put)
        }
      }
      if ((await target.meta.miscounts()).length > 0) return false
      while (await target.meta.prune(100) > 0);
      for (const tree of trees.filter(tree => there.has(tree))) {
        const below = [...there.values()].filter(({ id }) => chain(id).includes(tree))
        const found = await amount(target, tree)
        if (found?.objects !== below.length || found.bytes !== below.reduce((sum, { size }) => sum + size, 0)) return false
      }
      return true
    }), { numRuns: Math.ceil((driver.runs ?? 40) / 4) })
    t.same(await target.meta.miscounts(), [])
  })
}
