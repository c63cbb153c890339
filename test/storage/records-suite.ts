/** Records, names, listings and the change log. */
import type { Test } from 'tap'
import fc from 'fast-check'
import { type JsonObject, type RecordPut, type StoredRecord, TreeTooLarge } from '../../storage/contract.js'
import { mostNames, nameAt } from '../../storage/name-page.js'
import { mintObjectID } from '../../storage/object-id.js'
import { anyText } from '../helpers/any-text.js'
import { textsOf } from '../helpers/name-pages.js'
import { aRecord, aValue, commit, type Driver, fields, fieldsOfPut, follow, next, store, text } from './driver.js'

export function recordsSuite (t: Test, driver: Driver): void {
  t.test('a new store has a root container without a parent', async t => {
    const target = await driver.fresh(t)
    const root = await target.meta.get(target.rootID)
    t.match(fields(root), { id: target.rootID, version: 1, type: 'c', parentID: undefined, name: undefined, size: 0, inline: undefined })
    t.same(root?.attributes['metadata'], {})
    t.equal(root?.attributes['completionStatus'], 'Complete')
    t.same((await target.meta.resolve(target.rootID, [])).map(({ id }) => id), [target.rootID])
    t.same(await target.meta.children(target.rootID, { limit: 10 }), [])
    t.equal(await target.meta.lastSequence(), 0)
  })

  t.test('what was committed is read back the same', async t => {
    const target = await driver.fresh(t)
    const puts = [
      aRecord(),
      aValue('', { parentID: target.rootID, name: 'empty' }),
      aValue('väl', { parentID: target.rootID, name: 'ünï 你 \u{1f600}', type: 'x', attributes: { n: 1.5, i: 1_764_000_000_000_001, neg: -3, s: 'ß', list: [1, null, { a: true }], empty: {} } }),
      aRecord({ parentID: target.rootID, name: 'y'.repeat(1024), size: 2 ** 40 + 1 })
    ]
    await store(target, { put: puts })
    for (const put of puts) t.same(fields(await target.meta.get(put.id)), fieldsOfPut(put))
    t.equal(await target.meta.get(mintObjectID()), undefined)
  })

  t.test('many records are read at once, in the order asked for', async t => {
    const target = await driver.fresh(t)
    const puts = [aRecord(), aValue('one'), aValue('two', { parentID: target.rootID, name: 'two' })]
    await store(target, { put: puts })
    const [a, b, c] = puts.map(({ id }) => id)
    const found = await target.meta.getMany([c, mintObjectID(), a, b, a].map(id => id ?? ''))
    t.same(found.map(record => record?.id), [c, undefined, a, b, a])
    t.same(fields(found[0]), fieldsOfPut(puts[2] ?? aRecord()))
    t.same(await target.meta.getMany([]), [])
  })

  t.test('attributes are kept whatever JSON they are', async t => {
    const target = await driver.fresh(t)
    await fc.assert(fc.asyncProperty(fc.dictionary(anyText(), fc.jsonValue({ maxDepth: 3 })), async dictionary => {
      const attributes = JSON.parse(JSON.stringify(dictionary)) as JsonObject
      const put = aRecord({ attributes })
      await store(target, { put: [put], events: [attributes] })
      t.equal(JSON.stringify((await target.meta.get(put.id))?.attributes), JSON.stringify(attributes))
      const [entry] = await target.meta.events(await target.meta.lastSequence() - 1, 1)
      t.equal(JSON.stringify(entry?.event), JSON.stringify(attributes))
    }), { numRuns: 50, examples: [[JSON.parse('{"__proto__":{"a":1}}')], [{ s: '\ud800' }]] })
  })

  t.test('accesses add up beside the record, and go with it', async t => {
    const target = await driver.fresh(t)
    const put = aValue('x', { parentID: target.rootID, name: 'x' })
    await store(target, { put: [put] })
    t.equal(await target.meta.accesses(put.id), undefined)
    const gone = mintObjectID()
    await target.meta.noteAccesses(new Map([[put.id, { count: 3, last: 1_764_000_000_000_001 }], [gone, { count: 1, last: 1 }]]))
    await target.meta.noteAccesses(new Map([[put.id, { count: 2, last: 5 }]]))
    t.same(await target.meta.accesses(put.id), { count: 5, last: 1_764_000_000_000_001 })
    t.equal(await target.meta.accesses(gone), undefined)
    t.equal((await target.meta.get(put.id))?.version, 1, 'no version rises')
    await store(target, { put: [next(put)] })
    t.equal((await target.meta.accesses(put.id))?.count, 5)
    await store(target, { remove: [{ id: put.id, version: 2, subtree: false }] })
    await target.meta.noteAccesses(new Map([[put.id, { count: 1, last: 1 }]]))
    t.equal(await target.meta.accesses(put.id), undefined, 'also when it is noted once more')
    await target.meta.noteAccesses(new Map())
  })

  t.test('resolve walks down and stops at the first missing name; lineage walks up', async t => {
    const target = await driver.fresh(t)
    const a = aRecord({ type: 'c', parentID: target.rootID, name: 'a' })
    const b = aRecord({ type: 'c', parentID: a.id, name: 'b' })
    const c = aValue('c', { parentID: b.id, name: 'c' })
    await store(target, { put: [a, b, c] })
    const ids = async (names: string[]): Promise<string[]> => (await target.meta.resolve(target.rootID, names)).map(({ id }) => id)
    t.same(await ids(['a', 'b', 'c']), [target.rootID, a.id, b.id, c.id])
    t.same(await ids(['a', 'x', 'c']), [target.rootID, a.id])
    t.same(await ids(['a', 'b', 'c', 'd']), [target.rootID, a.id, b.id, c.id])
    t.same(await ids(['z'.repeat(5000)]), [target.rootID])
    t.same((await target.meta.resolve(b.id, ['c'])).map(fields), [fieldsOfPut(b), fieldsOfPut(c)])
    t.same(await target.meta.resolve(mintObjectID(), ['c']), [])
    t.same((await target.meta.lineage(c.id)).map(({ id }) => id), [target.rootID, a.id, b.id, c.id])
    t.same((await target.meta.lineage(target.rootID)).map(({ id }) => id), [target.rootID])
    t.same(await target.meta.lineage(mintObjectID()), [])
    const alone = aRecord()
    await store(target, { put: [alone] })
    t.same((await target.meta.lineage(alone.id)).map(({ id }) => id), [alone.id], 'an object without a path is its own top')
  })

  t.test('resolve: whom everything acknowledged is enough sees every acknowledged change', async t => {
    const target = await driver.fresh(t)
    const places = ['a', 'b', 'a/a', 'a/b', 'b/a', 'b/b'].map(path => path.split('/'))
    const same = async (after: string): Promise<void> => {
      for (const names of places) {
        const [enough, newest] = [await target.meta.resolve(target.rootID, names, 'acknowledged'), await target.meta.resolve(target.rootID, names)]
        t.same(enough.map(fields), newest.map(fields), `${names.join('/')} ${after}`)
      }
    }
    const place = fc.nat(places.length - 1)
    const step = fc.record({ kind: fc.constantFrom('put', 'change', 'move', 'remove', 'again'), from: place, to: place, value: fc.string({ maxLength: 3 }) })
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 12 }), async steps => {
      const removed: RecordPut[] = []
      const at = async (names: readonly string[]): Promise<StoredRecord | undefined> => (await target.meta.resolve(target.rootID, names))[names.length]
      for (const { kind, from, to, value } of steps) {
        const [names, others] = [places[from] ?? [], places[to] ?? []]
        const record = await at(names)
        const parent = await at((kind === 'move' ? others : names).slice(0, -1))
        const named = { parentID: parent?.id, name: (kind === 'move' ? others : names).at(-1) }
        if (kind === 'put' && parent !== undefined) await commit(target, { put: [aValue(value, { type: 'c', ...named })] })
        else if (kind === 'change' && record !== undefined) await store(target, { put: [next(record, aValueOf(value))] })
        else if (kind === 'move' && record !== undefined && parent !== undefined && parent.id !== record.id) await commit(target, { put: [next(record, named)] })
        else if (kind === 'remove' && record !== undefined) {
          await store(target, { remove: [{ id: record.id, version: record.version, subtree: true }] })
          removed.push(aValue(value, { id: record.id, type: 'c', parentID: record.parentID, name: record.name }))
        } else if (kind === 'again') {
          // With an ID that there was before, as deserialized objects have: once nothing is left of what was below it.
          const back = removed.pop()
          while (await target.meta.prune(100) > 0);
          if (back !== undefined) await commit(target, { put: [back] })
        }
        await same(`after ${kind}`)
      }
    }), { numRuns: Math.min(driver.runs ?? 40, 10) })
  })

  t.test('a tree whose attributes are longer than was asked for is not read', async t => {
    const target = await driver.fresh(t)
    const top = aRecord({ type: 'c', parentID: target.rootID, name: 'top' })
    const below = Array.from({ length: 10 }, (_, n) => aRecord({ parentID: top.id, name: String(n), attributes: { text: 'x'.repeat(1000) } }))
    await store(target, { put: [top, ...below] })
    t.equal((await target.meta.tree(top.id, { types: 'c', limit: 99, size: 20_000 })).length, 11)
    await t.rejects(target.meta.tree(top.id, { types: 'c', limit: 99, size: 9000 }), TreeTooLarge)
    t.equal((await target.meta.tree(top.id, { types: 'c', limit: 5, size: 9000 })).length, 5)
  })

  t.test('a tree: the record and what is below it, parents first, to a depth, up to a limit, without inline values', async t => {
    const target = await driver.fresh(t)
    const top = aRecord({ type: 'c', parentID: target.rootID, name: 'top', attributes: { n: 1 } })
    const [b, a] = [aRecord({ type: 'c', parentID: top.id, name: 'b' }), aValue('value', { parentID: top.id, name: 'a' })]
    const below = aValue('below', { parentID: b.id, name: 'below' })
    const hidden = aValue('hidden', { parentID: a.id, name: 'hidden' })
    await store(target, { put: [top, a, b, below, hidden, aValue('z', { parentID: target.rootID, name: 'z' })] })
    const ids = async (query: { types?: string, depth?: number, limit?: number }): Promise<string[]> => (await target.meta.tree(top.id, { types: 'c', limit: 99, ...query })).map(({ id }) => id)
    t.same(await ids({}), [top.id, a.id, b.id, below.id])
    t.same(await ids({ depth: 0 }), [top.id])
    t.same(await ids({ depth: 1 }), [top.id, a.id, b.id])
    t.same(await ids({ limit: 2 }), [top.id, a.id])
    t.same(await ids({ limit: 0 }), [])
    t.same(await ids({ types: '' }), [top.id])
    t.same((await ids({ types: 'cd' })).length, 5, 'whose children are looked for is for the caller to say')
    t.same(await target.meta.tree(mintObjectID(), { types: 'c', limit: 9 }), [])
    const [, head] = await target.meta.tree(top.id, { types: 'c', limit: 9 })
    t.match(head, { id: a.id, version: 1, type: 'd', parentID: top.id, name: 'a', size: 5, attributes: {} })
    t.equal((head as { inline?: unknown }).inline, undefined)
    t.equal(text((await target.meta.get(a.id))?.inline), 'value', 'the record still has it')
  })

  t.test('moves: the old place is free at once, the new one leads to the object, what is below a container comes along', async t => {
    const target = await driver.fresh(t)
    const [from, to] = [aRecord({ type: 'c', parentID: target.rootID, name: 'from' }), aRecord({ type: 'c', parentID: target.rootID, name: 'to' })]
    const box = aRecord({ type: 'c', parentID: from.id, name: 'box' })
    const object = aValue('x', { parentID: box.id, name: 'object' })
    await store(target, { put: [from, to, box, object] })
    await store(target, { put: [next(box, { parentID: to.id, name: 'case' })] })
    t.same(await target.meta.children(from.id, { limit: 9 }), [])
    t.match(await target.meta.children(to.id, { limit: 9 }), [{ name: 'case', id: box.id, type: 'c' }])
    t.equal((await target.meta.resolve(target.rootID, ['from', 'box'])).length, 2)
    t.equal((await target.meta.resolve(target.rootID, ['to', 'case', 'object'])).at(-1)?.id, object.id)
    t.same((await target.meta.lineage(object.id)).map(({ id }) => id), [target.rootID, to.id, box.id, object.id])
    await store(target, { put: [aRecord({ parentID: from.id, name: 'box' })] })
    await store(target, { remove: [{ id: from.id, version: 1, subtree: true }] })
    while (await target.meta.prune(10) > 0);
    t.equal(text((await target.meta.get(object.id))?.inline), 'x', 'what has left a container is not removed with it')
  })

  t.test('versions: a put needs the one before, 1 needs none; nothing of a refused change happens', async t => {
    const target = await driver.fresh(t)
    const put = aValue('1', { parentID: target.rootID, name: 'o' })
    await store(target, { put: [put] })
    const other = aRecord({ parentID: target.rootID, name: 'other' })
    const refused = { status: 'conflict', on: 'version', id: put.id }
    t.same(await commit(target, { put: [other, { ...put, name: 'again' }] }), refused, 'it exists')
    t.same(await commit(target, { put: [other, { ...put, version: 3 }] }), refused, 'one was left out')
    t.same(await commit(target, { put: [other], expect: [{ id: put.id, version: 2 }] }), refused, 'not at the version expected')
    t.same(await commit(target, { put: [other], expect: [{ id: put.id, version: 0 }] }), refused)
    t.same(await commit(target, { put: [other], remove: [{ id: put.id, version: 2, subtree: false }], events: [{}] }), refused)
    const missing = mintObjectID()
    t.same(await commit(target, { put: [other], expect: [{ id: missing, version: 1 }] }), { status: 'conflict', on: 'version', id: missing })
    t.same(await commit(target, { put: [aRecord({ id: missing, version: 2 })] }), { status: 'conflict', on: 'version', id: missing })
    t.equal(await target.meta.get(other.id), undefined)
    t.same((await target.meta.children(target.rootID, { limit: 9 })).map(({ name }) => name), ['o'])
    t.equal(await target.meta.lastSequence(), 0)
    await store(target, { put: [next(put, { attributes: { x: 1 } })], expect: [{ id: target.rootID, version: 1 }] })
    t.match(fields(await target.meta.get(put.id)), { version: 2, inline: '1', attributes: { x: 1 } })
  })

  t.test('names: one object a name; moves and swaps in one change', async t => {
    const target = await driver.fresh(t)
    const at = (name: string, fields = {}): ReturnType<typeof aValue> => aValue(name, { parentID: target.rootID, name, ...fields })
    const [a, b] = [at('a'), at('b')]
    await store(target, { put: [a, b] })
    t.same(await commit(target, { put: [at('a')] }), { status: 'conflict', on: 'name', id: a.id })
    t.same(await commit(target, { put: [next(a, { name: 'b' })] }), { status: 'conflict', on: 'name', id: b.id })
    const names = async (): Promise<Record<string, string>> => Object.fromEntries((await target.meta.children(target.rootID, { limit: 99 })).map(({ name, id }) => [name, id]))
    await store(target, { put: [next(a, { name: 'b' }), next(b, { name: 'a' })] })
    t.same(await names(), { a: b.id, b: a.id }, 'swapped')
    const c = at('a')
    await store(target, { put: [c], remove: [{ id: b.id, version: 2, subtree: false }] })
    t.same(await names(), { a: c.id, b: a.id }, 'replaced by another')
    const [one, two] = [at('twin'), at('twin')]
    t.match(await commit(target, { put: [one, two] }), { status: 'conflict', on: 'name' })
    await store(target, { put: [next(next(a, { name: 'b' }), { parentID: undefined, name: undefined })] })
    t.same(await names(), { a: c.id }, 'an object can lose its place')
    await store(target, { put: [next(c, { type: 'q' })] })
    t.match(await target.meta.children(target.rootID, { limit: 9 }), [{ name: 'a', type: 'q' }], 'the letter of the listing follows the record')
  })

  t.test('children come in the order of their UTF-8 bytes, from a name on, with a prefix, page by page', async t => {
    const target = await driver.fresh(t)
    const parent = aRecord({ type: 'c', parentID: target.rootID, name: 'p' })
    const sibling = aRecord({ type: 'c', parentID: target.rootID, name: 'q' })
    await store(target, { put: [parent, sibling, aRecord({ parentID: sibling.id, name: 'elsewhere' })] })
    await fc.assert(fc.asyncProperty(
      fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4, unit: fc.constantFrom('a', 'b', 'z', 'é', '\uffff', '\u{1f600}', ' ') }), { maxLength: 30 }),
      fc.option(fc.string({ maxLength: 3, unit: fc.constantFrom('a', 'b', 'é', '\u{1f600}', '\uffff') }), { nil: undefined }),
      fc.option(fc.string({ maxLength: 2, unit: fc.constantFrom('a', 'b', 'é', '\uffff') }), { nil: undefined }),
      fc.integer({ min: 1, max: 7 }),
      async (names, after, prefix, limit) => {
        const container = aRecord({ type: 'c' })
        await store(target, { put: [container, ...names.map(name => aRecord({ parentID: container.id, name }))] })
        const expected = names.map(name => Buffer.from(name)).sort(Buffer.compare)
          .filter(name => after === undefined || name.compare(Buffer.from(after)) > 0)
          .filter(name => prefix === undefined || name.subarray(0, Buffer.byteLength(prefix)).equals(Buffer.from(prefix)))
          .map(String)
        const listed: string[] = []
        for (let at = after, page; ; at = page.at(-1)?.name) {
          page = await target.meta.children(container.id, { after: at, prefix, limit })
          listed.push(...page.map(({ name }) => name))
          if (page.length < limit) break
        }
        t.same(listed, expected)
        const named: string[] = []
        for (let at = after, more = true; more;) {
          const page = await target.meta.names(container.id, { after: at, prefix, limit })
          t.ok(page.count <= limit, 'no more than were asked for')
          t.ok(page.count > 0 || !page.more, 'nothing is behind an empty page')
          named.push(...textsOf(page))
          more = page.more
          at = named.at(-1)
        }
        t.same(named, expected, 'the names alone are the same')
      }), { numRuns: 60 })
    t.same(await target.meta.children(parent.id, { limit: 10 }), [])
    t.same(await target.meta.children(parent.id, { limit: 10, after: 'x'.repeat(3000) }), [])
    t.same(await target.meta.children(parent.id, { limit: 10, prefix: 'x'.repeat(3000) }), [])
    for (const query of [{}, { after: 'x'.repeat(3000) }, { prefix: 'x'.repeat(3000) }]) t.match(await target.meta.names(parent.id, { limit: 10, ...query }), { count: 0, more: false })
    t.match(await target.meta.names(target.rootID, { limit: 0 }), { count: 0, more: false })
  })

  t.test('names alone come in pages that are good for the store, each with the letter of its type, whatever bytes they have', async t => {
    const target = await driver.fresh(t)
    const container = aRecord({ type: 'c', parentID: target.rootID, name: 'p' })
    await store(target, { put: [container] })
    const short = Array.from({ length: 5000 }, (_, n) => ({ name: `"\\\u0001\u{1f600}${n}`, type: 'dcrk'.charAt(n % 4) }))
    const long = Array.from({ length: 100 }, (_, n) => ({ name: `${String(n).padStart(4, '0')}${'é'.repeat(510)}`, type: 'd' }))
    const all = [...short, ...long]
    for (let at = 0; at < all.length; at += 1000) await store(target, { put: all.slice(at, at + 1000).map(child => aRecord({ parentID: container.id, ...child })) })
    const found: string[] = []
    for (let after: string | undefined, more = true; more;) {
      const page = await target.meta.names(container.id, { after, limit: Infinity })
      t.ok(page.count <= mostNames, `${page.count} names at once`)
      const names = textsOf(page)
      found.push(...names.map((name, index) => `${String.fromCharCode(page.types[index] ?? 0)} ${name}`))
      more = page.more
      after = names.at(-1)
    }
    const expected = all.toSorted((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name))).map(({ name, type }) => `${type} ${name}`)
    t.same(found, expected)
    t.equal(nameAt(await target.meta.names(container.id, { limit: 3 }), 2), expected[2]?.slice(2))
  })

  t.test('names that were listed before are listed as they are after every change', async t => {
    const target = await driver.fresh(t)
    const [one, two] = [aRecord({ type: 'c', parentID: target.rootID, name: 'one' }), aRecord({ type: 'c', parentID: target.rootID, name: 'two' })]
    let children = Array.from({ length: 300 }, (_, n) => aRecord({ parentID: one.id, name: `n${n}`, type: n % 2 === 0 ? 'c' : 'd' }))
    await store(target, { put: [one, two, ...children] })
    const listed = async (parentID: string, prefix?: string): Promise<string[]> => {
      const all: string[] = []
      for (let after: string | undefined, more = true; more;) {
        const page = await target.meta.names(parentID, { after, prefix, limit: 250 })
        all.push(...textsOf(page).map((name, index) => `${name} ${String.fromCharCode(page.types[index] ?? 0)}`))
        more = page.more
        after = page.count === 0 ? undefined : nameAt(page, page.count - 1)
      }
      return all
    }
    const expected = (parentID: string, prefix = ''): string[] => children.filter(child => child.parentID === parentID && child.name?.startsWith(prefix) === true)
      .toSorted((a, b) => Buffer.compare(Buffer.from(a.name ?? ''), Buffer.from(b.name ?? ''))).map(({ name, type }) => `${name} ${type}`)
    const check = async (doing: string): Promise<void> => {
      for (const parent of [one.id, two.id]) {
        t.same(await listed(parent), expected(parent), doing)
        t.same(await listed(parent, 'n1'), expected(parent, 'n1'), `${doing}, with a prefix`)
      }
    }
    await check('at first')
    let fresh = 0
    await fc.assert(fc.asyncProperty(fc.constantFrom('create', 'remove', 'rename', 'move', 'retype', 'attributes'), fc.nat(), async (doing, pick) => {
      const child = children[pick % children.length]
      if (child === undefined) return
      const others = children.filter(other => other !== child)
      const changed = doing === 'create'
        ? aRecord({ parentID: pick % 3 === 0 ? two.id : one.id, name: `n1-${fresh++}` })
        : next(child, doing === 'rename' ? { name: `n1-${fresh++}` } : doing === 'move' ? { parentID: child.parentID === one.id ? two.id : one.id } : doing === 'retype' ? { type: 'r' } : { attributes: { n: pick } })
      if (doing === 'remove') await store(target, { remove: [{ id: child.id, version: child.version, subtree: child.type === 'c' }] })
      else await store(target, { put: [changed] })
      children = doing === 'remove' ? others : doing === 'create' ? [...children, changed] : [...others, changed]
      await check(doing)
    }), { numRuns: driver.runs ?? 40, endOnFailure: true })
    // What was below a removed container goes later, in the background.
    await store(target, { remove: [{ id: one.id, version: 1, subtree: true }] })
    while (await target.meta.prune(100) > 0);
    children = children.filter(({ parentID }) => parentID !== one.id)
    await check('removed with its container')
  })

  t.test('the change log has every event in the order of the commits, and can be followed and trimmed', async t => {
    const target = await driver.fresh(t)
    await store(target, { events: [{ n: 1 }, { n: 2 }] })
    const following = follow(target, 1, 4)
    t.match(await commit(target, { events: [{ n: 3 }] }), { status: 'committed', sequence: 3 })
    await store(target, { put: [aRecord()] })
    await commit(target, { events: [{ n: 'never' }], expect: [{ id: target.rootID, version: 9 }] })
    await Promise.all([4, 5].map(async n => { await store(target, { events: [{ n }] }) }))
    t.same((await target.meta.events(0, 100)).map(({ sequence }) => sequence), [1, 2, 3, 4, 5])
    t.same((await target.meta.events(1, 2)).map(({ event }) => event), [{ n: 2 }, { n: 3 }])
    t.equal(await target.meta.lastSequence(), 5)
    t.same((await following).map(({ sequence }) => sequence), [2, 3, 4, 5])
    t.equal(await target.meta.trimLog(3_600_000, 10), 0)
    t.equal(await target.meta.trimLog(-1000, 2), 2)
    t.equal(await target.meta.trimLog(-1000, 10), 3)
    t.same(await target.meta.events(0, 100), [])
    t.equal(await target.meta.lastSequence(), 5)
    t.match(await commit(target, { events: [{}] }), { sequence: 6 }, 'no place is given out twice')
  })

  t.test('who follows the log stops with his signal, and when the store is closed', async t => {
    const target = await driver.fresh(t)
    const stop = new AbortController()
    const seen: number[] = []
    const one = (async () => { for await (const { sequence } of target.meta.watch(0, stop.signal)) seen.push(sequence) })()
    const two = (async () => { for await (const { sequence } of target.meta.watch(0, new AbortController().signal)) seen.push(sequence) })()
    stop.abort()
    await one
    await target.close()
    await two
    t.same(seen, [])
  })

  t.test('a store that is ready says so; closing twice is closing once', async t => {
    const target = await driver.fresh(t)
    await target.ready()
    await target.close()
    await target.close()
  })
}

function aValueOf (value: string): Pick<RecordPut, 'size' | 'inline'> {
  const inline = Buffer.from(value)
  return { size: inline.length, inline }
}
