/** Changes that come upon damage, in one batch with others. */
import t from 'tap'
import type { Change, RecordPut } from '../../storage/contract.js'
import { encodeChange } from '../../storage/embedded/change-frame.js'
import { accountKey } from '../../storage/embedded/counting.js'
import { openTables, type Table, type Tables } from '../../storage/embedded/tables.js'
import { packBatch, type WireResult } from '../../storage/embedded/wire.js'
import { Writer } from '../../storage/embedded/writer.js'
import { idKey } from '../../storage/object-key.js'
import { aRecord, next } from './driver.js'
import { filledStore, harmed, openQuietly, verified } from './verify-store.js'

const filled = await filledStore(t, { counts: true })
const { root, id } = filled

function flip (table: Table, key: Buffer, at: number): void {
  const copy = Buffer.from(table.getBinary(key) ?? '')
  copy[at] = (copy[at] ?? 0) ^ 1
  table.putSync(key, copy)
}

const text = '/a/many-3'
const attributes = { metadata: {}, completionStatus: 'Complete', created: 1, modified: 1 }
const create = (name: string, more: Partial<RecordPut> = {}): RecordPut => aRecord({ parentID: root, name, attributes, ...more })
const put = (...put: readonly RecordPut[]): Change => ({ expect: [], put, events: [{ named: put.map(({ name }) => name ?? '') }] })

/** Writes a batch, and answers the results and how many transactions were committed. */
async function written (directory: string, changes: readonly Change[]): Promise<{ results: WireResult[], commits: number }> {
  const tables = openTables(directory)
  let commits = 0
  const env = new Proxy(tables.env, {
    get (target, name) {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      return (...parameters: unknown[]): unknown => {
        const answer: unknown = Reflect.apply(member, target, parameters)
        if (name === 'transactionSync') commits++
        return answer
      }
    }
  })
  const counted: Tables = { ...tables, env }
  const writer = new Writer(directory, counted)
  try {
    const [results = []] = writer.write([packBatch(await Promise.all(changes.map(async change => await encodeChange(change))))])
    return { results, commits }
  } finally {
    writer.close()
    await tables.env.close()
  }
}

const damaged = async (): Promise<string> => await harmed(t, filled, ({ usage, records }) => {
  flip(usage, accountKey('owner:alice'), 7)
  flip(records, idKey(id(text)), 400)
})

t.test('of a batch only those changes fail that come upon damage; the others are made in their order, in one transaction', async t => {
  const directory = await damaged()
  const first = create('first')
  const { results, commits } = await written(directory, [
    put(first),
    { ...put(create('limited', { attributes: { ...attributes, owner: 'alice' } })), limits: [{ account: 'owner:alice', objects: 1000 }] },
    put(create('second')),
    // That its source is damaged is found when one of two records is stored.
    put(create('half'), create('copy', { size: 1500, segments: { kind: 'copy', from: id(text), version: 1 } })),
    put(next(first, { name: 'renamed' })),
    put(create('second'))
  ])
  t.match(results, [
    Number,
    ['failed', 'corrupt', 'What is counted for owner:alice has other bytes than were written'],
    Number,
    ['failed', 'corrupt', /^The record of object \w+ has other bytes than were written$/],
    Number,
    ['conflict', 'name']
  ])
  t.equal(commits, 1)
  const [one, , two, , three] = results.map(Number)
  t.same([two, three], [(one ?? 0) + 1, (one ?? 0) + 2], 'what failed has no place in the change log')
  const store = await openQuietly(directory)
  t.teardown(async () => { await store.close() })
  for (const [name, length] of [['first', 1], ['limited', 1], ['second', 2], ['half', 1], ['copy', 1], ['renamed', 2]] as const) t.equal((await store.meta.resolve(root, [name])).length, length, name)
  await store.close()
  t.same((await verified(directory)).news.filter(({ problem }) => !/owner:alice|many-3/.test(problem)), [])
})

t.test('where all of a batch come upon damage nothing is written', async t => {
  const directory = await damaged()
  const copies = Array.from({ length: 3 }, (_, n) => put(create(`copy-${n}`, { size: 1500, segments: { kind: 'copy', from: id(text), version: 1 } })))
  const { results, commits } = await written(directory, copies)
  t.match(results, copies.map(() => ['failed', 'corrupt']))
  t.equal(commits, 0)
})
