import t from 'tap'
import { setImmediate as turn } from 'node:timers/promises'
import { Cdmi, openMemoryStore } from '../../../index.js'
import { holdingTrees, holdingValues } from '../../helpers/held-store.js'
import { allowing, otherServer, otherStore } from '../../helpers/other-server.js'
import { type Client, client } from './client.js'
import { build } from '../plain/build.js'

const soon = { delayedAfter: 0 }
const isComplete = ({ completionStatus }: Record<string, unknown>): boolean => completionStatus === 'Complete'
const isError = ({ completionStatus }: Record<string, unknown>): boolean => String(completionStatus).startsWith('Error')

async function until<T> (read: () => Promise<T>, right: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await read()
    if (right(found)) return found
    await turn()
  }
}

/** A container with something in it. */
async function withTree ({ put }: Client): Promise<void> {
  await put('/s/', { metadata: { colour: 'red' }, own: 1 })
  await put('/s/a', { value: 'a' })
  await put('/s/c/')
  await put('/s/c/b', { value: 'b' })
}

/** The serialization of `/s/` as the value of `/text`, too long to be kept in a record. */
async function withText (client: Client): Promise<void> {
  await withTree(client)
  await client.put('/s/long', { value: 'x'.repeat(300_000) })
  await client.put('/text', { serialize: '/s/' })
}

t.test('CMV-14, CMV-16, CMV-17, COC-36, COC-37: a copy of a container that takes long is answered with 202; there is nothing in it until it is complete', async t => {
  const { store, release } = holdingTrees(openMemoryStore())
  const { put, fields, plain, get, children } = client(await build(t, { store, options: soon }))
  await withTree(client(await build(t, { store })))
  const answer = await put('/d/', { copy: '/s/', metadata: { a: '1' } })
  t.equal(answer.statusCode, 202)
  t.equal(answer.headers.location, 'http://localhost:80/d/')
  const { objectID } = answer.json()
  t.match(answer.json(), { objectType: 'application/cdmi-container', objectName: 'd/', completionStatus: 'Processing', metadata: { a: '1' } })
  t.notOk('children' in answer.json())
  t.match(await fields('/d/'), { objectID, completionStatus: 'Processing', children: [], childrenrange: '' })
  t.same(await children('/'), ['d/', 's/'])
  t.same((await get('/?children;children=completionStatus')).statusCode, 400)
  const below = (await get('/?children=objectName;children=completionStatus&children=objectName')).statusCode
  t.ok(below === 200 || below === 400)
  t.equal((await get('/d/a')).statusCode, 404)
  t.same(JSON.parse((await plain('GET', '/d/', undefined, { accept: 'application/json' })).body).children, [])
  release()
  t.match(await until(async () => await fields('/d/'), isComplete), { objectID, percentComplete: '100', metadata: { a: '1', cdmi_mcount: '1' }, own: 1, children: ['a', 'c/'] })
  t.match(await fields('/d/c/b'), { value: 'b' })
  t.same((await store.meta.events(0, 100)).slice(4).map(({ event }) => event['operation']), ['create', 'modify', 'copy', 'create', 'create', 'create'])
})
