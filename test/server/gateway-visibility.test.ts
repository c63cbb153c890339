/** What one gateway has acknowledged the others see at their next request; and those who follow the change log miss nothing. Hints of the database may be lost all the time. */
import t from 'tap'
import { setTimeout as delay } from 'node:timers/promises'
import type { LoggedEvent } from '../../storage/contract.js'
import { eventually } from '../helpers/eventually.js'
import { type Answered, askGateway, gatewaysHere } from '../helpers/gateways-here.js'
import { placeOf } from '../storage/postgres-driver.js'
import { ownServer, query, schemaOf } from '../storage/postgres-server.js'

const server = await ownServer({ durable: true })
if (server === undefined) t.pass('PostgreSQL is not installed', { skip: true })
else {
  const deafen = async (meta: string): Promise<number> => (await query(meta, "select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen %'")).length
  const cdmi = (type: string): Record<string, string> => ({ 'content-type': `application/cdmi-${type}`, accept: `application/cdmi-${type}` })

  t.test('writes, listings, metadata, moves, references and deletes are seen by every other gateway at its next request, though nobody hears hints', async t => {
    const options = placeOf(t, server, t.testdir())
    const { gateways, at, faults } = await gatewaysHere(t, 3, options)
    const stop = new AbortController()
    let heard = 0
    const following = gateways.map(async ({ store }) => {
      for await (const { sequence } of store.meta.watch(0, stop.signal)) heard = sequence
    })
    let deafened = 0
    const deafening = (async () => {
      while (!stop.signal.aborted) {
        deafened += await deafen(options.meta)
        await delay(5)
      }
    })()

    for (let round = 0; round < gateways.length; round++) {
      const one = at(round)
      const others = gateways.filter(gateway => gateway !== one)
      /** Done by one, it must be acknowledged; then looked at by the others, who must agree. */
      const done = async (path: string, asked: Parameters<typeof askGateway>[2]): Promise<Answered> => {
        const answer = await askGateway(one, path, asked)
        if (answer.status >= 300) throw new Error(`${path} answered ${answer.status}: ${answer.text}`)
        return answer
      }
      const seen = async (path: string, expected: object, headers: Record<string, string> = {}): Promise<void> => {
        for (const other of others) t.match(await askGateway(other, path, { headers }), expected, path)
      }
      const [first, second, reference] = [`/first${round}/`, `/second${round}/`, `/reference${round}`]

      await seen(first, { status: 404 })
      await done(first, { method: 'PUT' })
      await seen(first, { status: 200 })
      await seen(first.slice(0, -1), { status: 301, headers: { location: new RegExp(`${first}$`) } })
      for (const body of ['small', 'small again', 'l'.repeat(20_000), 'shorter']) {
        await done(`${first}object`, { method: 'PUT', body })
        const { headers } = await askGateway(one, `${first}object`)
        await seen(`${first}object`, { status: 200, text: body, headers: { etag: headers['etag'] } })
      }
      await done(`${first}object`, { method: 'PATCH', headers: { 'content-range': 'bytes 2-3/*' }, body: 'XY' })
      await seen(`${first}object`, { text: 'shXYter' })
      await done(`${first}object`, { method: 'PATCH', headers: cdmi('object'), body: JSON.stringify({ metadata: { color: 'blue' } }) })
      await seen(`${first}object?metadata:color`, { text: JSON.stringify({ metadata: { color: 'blue' } }) }, cdmi('object'))
      await seen(`${first}?children`, { text: JSON.stringify({ children: ['object'] }) }, cdmi('container'))
      const told = JSON.parse((await askGateway(one, `${first}object`, { headers: cdmi('object') })).text) as { objectID: string, capabilitiesURI: string }
      const { text: capabilities } = await askGateway(one, told.capabilitiesURI)
      await seen(told.capabilitiesURI, { status: 200, text: capabilities })

      await done(reference, { method: 'PUT', headers: cdmi('object'), body: JSON.stringify({ reference: `${first}object` }) })
      await seen(reference, { status: 302, headers: { location: new RegExp(`${first}object$`) } })
      await done(second, { method: 'PUT', headers: cdmi('container'), body: JSON.stringify({ move: first }) })
      await seen(`${second}object`, { status: 200, text: 'shXYter' })
      await seen(`/cdmi_objectid/${told.objectID}`, { status: 200, text: 'shXYter' })
      for (const path of [first, `${first}object`, first.slice(0, -1)]) await seen(path, { status: 404 })
      await done(reference, { method: 'DELETE' })
      await seen(reference, { status: 404 })
      await done(`${second}object`, { method: 'DELETE' })
      await seen(`${second}object`, { status: 404 })
      await seen(`/cdmi_objectid/${told.objectID}`, { status: 404 })
      await seen(`${second}?children`, { text: JSON.stringify({ children: [] }) }, cdmi('container'))
      await done(`${second}again`, { method: 'PUT', body: 'x' })
      await done(second, { method: 'DELETE' })
      await seen(`${second}again`, { status: 404 })
      await done(second, { method: 'PUT' })
      await seen(`${second}again`, { status: 404 })
      await done('/data/key' + String(round), { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"a":1}' })
      await seen('/data/key' + String(round), { status: 200, text: '{"a":1}' })
    }
    stop.abort()
    await Promise.all([...following, deafening])
    t.ok(heard > 0)
    t.ok(deafened > 0, `${deafened} connections that listen were ended`)
    t.same(faults, [])
  })

  t.test('followers of the change log on every gateway, while PostgreSQL dies twice and hints are lost: all see the same, in order, each entry once, and none is missing', { timeout: 120_000 }, async t => {
    const options = { ...placeOf(t, server, t.testdir()), databaseTimeout: 2000, connectTimeout: 2000 }
    const { gateways, at, faults } = await gatewaysHere(t, 3, options)
    const stop = new AbortController()
    const seen = gateways.map((): LoggedEvent[] => [])
    const following = gateways.map(async ({ store }, n) => { for await (const entry of store.meta.watch(0, stop.signal)) seen[n]?.push(entry) })
    const acknowledged: string[] = []
    const done = new AbortController()
    const writing = Array.from({ length: 6 }, async (_, w) => {
      for (let k = 0; !done.signal.aborted; k++) {
        const name = `w${w}-${k}`
        const { status, text } = await askGateway(at(w + k), `/${name}`, { method: 'PUT', body: name })
        if (status === 201) acknowledged.push(name)
        else if (status === 503) await delay(10)
        else throw new Error(`answered ${status}: ${text}`)
      }
    })
    const more = async (count: number): Promise<void> => {
      const goal = acknowledged.length + count
      await eventually('writers go on', () => acknowledged.length >= goal)
    }
    await more(40)
    await server.crash()
    await server.start()
    await more(40)
    t.ok(await deafen(options.meta) > 0)
    await more(20)
    await server.crash()
    await server.start()
    await more(40)
    done.abort()
    await Promise.all(writing)
    await eventually('there is a last entry', async () => (await askGateway(at(0), '/last', { method: 'PUT', body: '' })).status === 201)
    await eventually('all have seen it', () => seen.every(entries => entries.at(-1)?.event['objectName'] === 'last'))
    stop.abort()
    await Promise.all(following)

    const [first = [], ...rest] = seen
    const logged = (await query(options.meta, `select sequence from ${schemaOf(options.meta)}.log where event is not null order by sequence`)).map(([sequence]) => Number(sequence))
    t.same(first.map(({ sequence }) => sequence), logged, 'all that is in the log, in order, once')
    for (const entries of rest) t.same(entries, first)
    const names = first.map(({ event }) => event['objectName'])
    const unheard = acknowledged.filter(name => names.filter(other => other === name).length !== 1)
    t.same(unheard, [], 'each acknowledged write is in it once')
    t.same(faults, [])
    t.comment(`${acknowledged.length} acknowledged, ${first.length} entries`)
  })
}
