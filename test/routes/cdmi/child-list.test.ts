import fc from 'fast-check'
import t from 'tap'
import { childList, countChildren, entryPages, namePages } from '../../../routes/cdmi/child-list.js'
import { openMemoryStore } from '../../../storage/memory/memory-store.js'
import { namePageOf } from '../../../storage/name-page.js'
import { Cdmi } from '../../../cdmi/model.js'
import { at, writer } from '../../helpers/model.js'
import { textsOf } from '../../helpers/name-pages.js'
import { turnsOf } from '../../helpers/turns-of.js'

t.test('COC-54: a range of children is the same part of their list, few or very many, with their IDs or without', async t => {
  const store = openMemoryStore()
  const cdmi = new Cdmi(store)
  await cdmi.containers.create(writer, at('/c/'))
  const object = await cdmi.containers.find(writer, at('/c/'))
  if (object === undefined) throw new Error('the container is not there')
  let total = 0
  const nameOf = (n: number): string => `n${String(n).padStart(6, '0')}`
  const range = ({ after, limit }: { after?: string | undefined, limit: number }, most: number): { from: number, to: number } => {
    const from = after === undefined ? 0 : Number(after.slice(1)) + 1
    return { from, to: Math.min(total, from + limit, from + most) }
  }
  const slice = (from: number, to: number): Array<{ name: string, type: string, id: string }> => Array.from({ length: to - from }, (_, n) => ({ name: nameOf(from + n), type: 'd', id: '00' }))
  store.meta.children = async (_id, query) => { const { from, to } = range(query, Infinity); return slice(from, to) }
  store.meta.names = async (_id, query) => { const { from, to } = range(query, 700); return namePageOf(slice(from, to), to < total) }
  const spec = fc.oneof(
    fc.constant(undefined),
    fc.record({ first: fc.integer({ min: 0, max: 25_000 }), length: fc.integer({ min: 1, max: 2000 }) }).map(({ first, length }) => ({ first, last: first + length - 1 })),
    fc.integer({ min: 0, max: 25_000 }).map(first => ({ first, last: undefined })),
    fc.integer({ min: 1, max: 25_000 }).map(last => ({ first: undefined, last }))
  )
  await fc.assert(fc.asyncProperty(fc.constantFrom(0, 1, 699, 700, 701, 20_000, 20_001, 23_456), spec, async (many, range) => {
    total = many
    // A range without a first index is one from the end.
    const [first, end] = range === undefined ? [0, many] : range.first === undefined ? [Math.max(0, many - range.last), many] : [range.first, Math.min(many, (range.last ?? many) + 1)]
    const expected = first < end ? slice(first, end).map(({ name }) => name) : []
    const names = await childList(object, range, namePages(cdmi))
    const named: string[] = []
    for await (const page of names.pages) named.push(...textsOf(page))
    const entries = await childList(object, range, entryPages(cdmi))
    const listed: string[] = []
    for await (const page of entries.pages) listed.push(...page.map(({ name }) => name))
    for (const [list, found] of [[names, named], [entries, listed]] as const) {
      t.equal(list.count, expected.length)
      if (expected.length > 0) t.equal(list.first, first)
      if (found.length !== expected.length || found[0] !== expected[0] || found.at(-1) !== expected.at(-1)) t.fail(`${found.length} children from ${found[0]} instead of ${expected.length} from ${expected[0]}`)
    }
    t.equal(await countChildren(cdmi, object.record), many)
  }), { numRuns: 40 })
})

t.test('children that are held, to be of one moment, become a text in turns', async t => {
  const store = openMemoryStore()
  const cdmi = new Cdmi(store)
  const object = await cdmi.containers.find(writer, at('/'))
  if (object === undefined) throw new Error('the root is there')
  const names = Array.from({ length: 20_000 }, (_, n) => ({ name: `n${String(n).padStart(6, '0')}`, type: 'd' }))
  store.meta.names = async (_id, { after }) => {
    const from = after === undefined ? 0 : Number(after.slice(1)) + 1
    return namePageOf(names.slice(from, from + 2000), from + 2000 < names.length)
  }
  const { pages } = await childList(object, undefined, namePages(cdmi))
  store.meta.names = async () => { throw new Error('they are held') }
  const { all, turns } = await turnsOf(async () => {
    const listed: string[] = []
    for await (const page of pages) listed.push(...textsOf(page))
    return listed
  })
  t.same(all, names.map(({ name }) => name))
  t.ok(turns >= 9, `${turns} turns of the event loop`)
})
