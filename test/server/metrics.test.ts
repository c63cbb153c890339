/** `/-/metrics`: who may read it, and that what it counts is what was done, through each door. */
import { once } from 'node:events'
import t from 'tap'
import { FormData, request } from 'undici'
import { io } from 'socket.io-client'
import { openMemoryStore } from '../../storage/memory/memory-store.js'
import { openStore } from '../../storage/open-store.js'
import { StorageError } from '../../storage/contract.js'
import { ask, authorization, basic, builtServer, password, runningServer, type RunningServer } from '../helpers/built-server.js'
import { eventually } from '../helpers/eventually.js'
import { RawClient } from '../helpers/raw-http.js'
import { type Numbers, numbersOf, risen, scrape } from '../helpers/scrape.js'
import { webSocket } from '../helpers/sockets-app.js'

const cdmi = { accept: 'application/cdmi-object', 'content-type': 'application/cdmi-object', 'x-cdmi-specification-version': '2.0.0' }

/** Requests that were counted since, but for those that asked for the count; waits until the last has come to its end, and no longer. */
async function counted (server: RunningServer, before: Numbers, expected: Record<string, number>): Promise<Record<string, number>> {
  let found: Record<string, number> = {}
  const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((one, other) => one + other, 0)
  await eventually('all requests have ended', async () => {
    const all = risen(before, await scrape(server.url, authorization), 'cdmi_requests_total')
    found = Object.fromEntries(Object.entries(all).filter(([labels]) => !labels.includes('door="metrics"')))
    return sum(found) >= sum(expected)
  })
  return found
}

const series = (door: string, operation: string, status: number | string): string => `{door="${door}",operation="${operation}",status="${status}"}`

t.test('every door is counted: by what was done there, and by nothing else', async t => {
  const server = await runningServer(t)
  const { url } = server
  const headers = { authorization }
  const before = await scrape(url, authorization)
  const form = new FormData()
  form.set('file', new File(['x'], 'form.txt'))

  await ask(`${url}/c/`, { method: 'PUT', headers })
  await ask(`${url}/c/a.txt`, { method: 'PUT', headers, body: 'abc' })
  await ask(`${url}/c/a.txt`, { headers })
  await ask(`${url}/c/a.txt?x=/`, { headers })
  await ask(`${url}/c/a.txt`, { method: 'HEAD', headers })
  await ask(`${url}/cdmi/2.0.0/c/a.txt`, { headers })
  await ask(`${url}/c/`, { headers })
  await ask(`${url}/c/none`, { headers })
  await ask(`${url}/c/a.txt`)
  await ask(`${url}/c/`, { method: 'POST', headers, body: 'posted' })
  await ask(`${url}/c/a.txt`, { method: 'DELETE', headers })
  await ask(`${url}/c/a.txt`, { method: 'OPTIONS', headers })
  await ask(`${url}/c/a.txt`, { method: 'PROPFIND', headers })
  await request(`${url}/c/`, { method: 'POST', headers, body: form }).then(async ({ body }) => { await body.dump() })
  await ask(`${url}/c/b`, { method: 'PUT', headers: { ...headers, ...cdmi }, body: '{"value":"x"}' })
  await ask(`${url}/c/b`, { headers: { ...headers, ...cdmi } })
  await ask(`${url}/c/?children`, { headers: { ...headers, ...cdmi, accept: 'application/cdmi-container' } })
  await ask(`${url}/data/k`, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: '{}' })
  await ask(`${url}/data/k`, { method: 'PATCH', headers: { ...headers, 'content-type': 'application/json' }, body: '{"a":1}' })
  await ask(`${url}/data?limit=1`, { headers })
  await ask(`${url}/data/k`, { headers })
  await ask(`${url}/-/health`)
  await ask(`${url}/-/ready`)
  await ask(`${url}/-/nothing`)
  const socket = await webSocket(t, `${url.replace('http', 'ws')}/ws`, headers)
  await socket.ask({ method: 'GET', url: '/data' })
  await socket.ask({ method: 'PUT', url: '/data/k', data: {} })
  await socket.ask({ method: 'GET', url: '/data/none' })
  await socket.ask('no JSON')
  const client = io(url, { transports: ['websocket'], forceNew: true, reconnection: false, extraHeaders: headers })
  t.teardown(() => { client.disconnect() })
  await once(client as never, 'connect')
  const answer = once(client as never, 'http message')
  client.emit('http message', { method: 'GET', url: '/data/k' })
  await answer
  const during = await scrape(url, authorization)
  t.equal(during.get('cdmi_sockets_open{door="websocket"}'), 1)
  t.equal(during.get('cdmi_sockets_open{door="socket.io"}'), 1)

  const expected = {
    [series('plain', 'write', 201)]: 2,
    [series('plain', 'read', 200)]: 4,
    [series('plain', 'list', 200)]: 1,
    [series('plain', 'read', 404)]: 1,
    [series('plain', 'read', 401)]: 2,
    [series('plain', 'create', 201)]: 1,
    [series('plain', 'delete', 204)]: 1,
    [series('plain', 'options', 204)]: 1,
    [series('other', 'other', 405)]: 1,
    [series('form', 'create', 201)]: 1,
    [series('cdmi', 'write', 201)]: 1,
    [series('cdmi', 'read', 200)]: 1,
    [series('cdmi', 'list', 200)]: 1,
    [series('keyed', 'create', 201)]: 1,
    [series('keyed', 'change', 200)]: 1,
    [series('keyed', 'list', 200)]: 1,
    [series('keyed', 'read', 200)]: 1,
    [series('health', 'read', 200)]: 2,
    [series('websocket', 'list', 200)]: 1,
    [series('websocket', 'write', 200)]: 1,
    [series('websocket', 'read', 404)]: 1,
    [series('websocket', 'other', 400)]: 1,
    [series('socket.io', 'read', 200)]: 1
  }
  t.same(await counted(server, before, expected), expected)
  const after = await scrape(url, authorization)
  for (const [door, operation, count] of [['plain', 'read', 7], ['keyed', 'list', 1], ['websocket', 'read', 1]] as const) {
    t.equal(after.get(`cdmi_request_duration_seconds_count{door="${door}",operation="${operation}"}`), count)
    t.equal(after.get(`cdmi_request_duration_seconds_bucket{door="${door}",operation="${operation}",le="+Inf"}`), count)
    t.ok(Number(after.get(`cdmi_request_duration_seconds_sum{door="${door}",operation="${operation}"}`)) > 0)
  }
  t.same(risen(before, after, 'cdmi_sockets_opened_total'), { '{door="websocket"}': 1, '{door="socket.io"}': 1 })
  socket.close()
  client.disconnect()
  await eventually('both sockets are gone', async () => {
    const numbers = await scrape(url, authorization)
    return numbers.get('cdmi_sockets_open{door="websocket"}') === 0 && numbers.get('cdmi_sockets_open{door="socket.io"}') === 0
  })
})

t.test('bytes, connections, uploads under way and those that break off', async t => {
  const server = await runningServer(t)
  const before = await scrape(server.url, authorization)
  t.equal(before.get('cdmi_uploads_in_flight'), 0)
  const client = await RawClient.open(t, server.port)
  client.socket.write(`PUT /long HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Length: 200000\r\n\r\n${'x'.repeat(100_000)}`)
  await eventually('the upload is seen', async () => {
    const numbers = await scrape(server.url, authorization)
    return numbers.get('cdmi_uploads_in_flight') === 1 && Number(numbers.get('cdmi_received_bytes_total')) - Number(before.get('cdmi_received_bytes_total')) > 100_000
  })
  client.socket.destroy()
  const expected = { [series('plain', 'write', 'aborted')]: 1 }
  t.same(await counted(server, before, expected), expected)
  const after = await scrape(server.url, authorization)
  t.equal(after.get('cdmi_uploads_in_flight'), 0)
  const received = Number(after.get('cdmi_received_bytes_total')) - Number(before.get('cdmi_received_bytes_total'))
  t.ok(received > 100_000 && received < 110_000, String(received))
  t.ok(Number(after.get('cdmi_connections_accepted_total')) > 3)
  t.ok(Number(after.get('cdmi_connections_open')) <= 2)
})

t.test('the store: commits, batches, flushes, values, objects, garbage, the sweeper', async t => {
  const store = await openStore({ directory: t.testdir(), inlineLimit: 10, trashGrace: 0, sweepInterval: 0 })
  const server = await runningServer(t, {}, { store })
  const { url } = server
  const headers = { authorization }
  const before = await scrape(url, authorization)
  const objects = Number(before.get('cdmi_store_objects'))
  t.equal(before.get('cdmi_store_up'), 1)
  t.equal(before.get('cdmi_store_bytes{part="values"}'), 0)
  t.ok(Number(before.get('cdmi_store_bytes{part="records"}')) > 0)
  t.ok(Number(before.get('cdmi_disk_bytes{state="free"}')) > 0)
  for (const name of ['one', 'two', 'three']) t.equal((await ask(`${url}/${name}`, { method: 'PUT', headers, body: 'x'.repeat(1000) })).status, 201)
  await ask(`${url}/one`, { headers })
  await ask(`${url}/one`, { method: 'DELETE', headers })
  const after = await scrape(url, authorization)
  t.same(risen(before, after, 'cdmi_commits_total'), { '{result="committed"}': 4 })
  t.equal(risen(before, after, 'cdmi_commit_duration_seconds_count')[''], 4)
  t.equal(risen(before, after, 'cdmi_commit_batch_size_sum')[''], 4)
  t.equal(risen(before, after, 'cdmi_flush_duration_seconds_count')[''], 4)
  t.ok(Number(risen(before, after, 'cdmi_flush_duration_seconds_sum')['']) > 0)
  t.same(risen(before, after, 'cdmi_blob_operations_total'), { '{operation="put",result="done"}': 3, '{operation="get",result="done"}': 1 })
  t.same(risen(before, after, 'cdmi_blob_bytes_total'), { '{operation="put"}': 3000, '{operation="get"}': 1000 })
  t.equal(after.get('cdmi_store_objects'), objects + 2)
  t.equal(after.get('cdmi_garbage{kind="waiting"}'), 1)
  t.same(risen(before, after, 'cdmi_change_log_entries'), { '': 4 })
  await eventually('the grace time is over', async () => (await store.sweep()).blobs === 1)
  const swept = await scrape(url, authorization)
  t.equal(swept.get('cdmi_garbage{kind="waiting"}'), 0)
  t.equal(risen(after, swept, 'cdmi_sweep_removed_total')['{kind="blobs"}'], 1)
  t.ok(Number(swept.get('cdmi_sweep_rounds_total{result="done"}')) >= 1)
  t.ok(Math.abs(Number(swept.get('cdmi_sweep_last_success_timestamp_seconds')) - Date.now() / 1000) < 60)
})

t.test('the process: processor, memory, descriptors, event loop', async t => {
  const server = await runningServer(t)
  const numbers = await scrape(server.url, authorization)
  for (const name of ['process_cpu_seconds_total{process="main",mode="user"}', 'process_resident_memory_bytes{process="main"}', 'process_open_fds{process="main"}', 'process_max_fds{process="main"}', 'nodejs_memory_bytes{process="main",kind="heap_used"}', 'nodejs_eventloop_active_seconds_total{process="main"}', 'process_start_time_seconds{process="main"}']) {
    t.ok(Number(numbers.get(name)) > 0, name)
  }
  t.ok([...numbers].some(([name, value]) => name.startsWith('cdmi_build_info{version="') && value === 1))
  await eventually('the event loop was looked at', async () => (await scrape(server.url, authorization)).has('nodejs_eventloop_delay_seconds{process="main",quantile="0.99"}'), 30_000)
})

t.test('who may read it: users by default, also where everybody may read objects; everybody, or nobody, by option', async t => {
  for (const [config, none, wrong, right] of [
    [{}, 401, 401, 200],
    [{ anonymous: 'write' }, 401, 401, 200],
    [{ metrics: 'users' }, 401, 401, 200],
    [{ metrics: 'on' }, 200, 200, 200],
    [{ metrics: 'off' }, 404, 404, 404]
  ] as const) {
    const { app } = await builtServer(t, config)
    const status = async (authorization?: string): Promise<number> => (await app.inject({ url: '/-/metrics', headers: authorization === undefined ? {} : { authorization } })).statusCode
    // Below "-" there is nothing of the store (400 or 404, by the door), only of the server.
    const refused = [400, 401, 404]
    if (right === 200) t.same([await status(), await status(basic('admin', 'wrong')), await status(authorization)], [none, wrong, right])
    else for (const given of [undefined, authorization]) t.ok(refused.includes(await status(given)))
  }
  const { app } = await builtServer(t)
  const { headers } = await app.inject({ url: '/-/metrics', headers: { authorization } })
  t.match(headers, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' })
  t.match((await app.inject('/-/metrics')).headers, { 'www-authenticate': /^Basic / })
})

t.test('no name of an object, a user or an address is in it, and its size does not grow with what is asked', async t => {
  const { app } = await builtServer(t, { adminPassword: password })
  const text = async (): Promise<string> => (await app.inject({ url: '/-/metrics', headers: { authorization } })).body
  await app.inject({ url: '/secret-0', headers: { authorization } })
  await app.inject({ method: 'PUT', url: '/secret-0', headers: { authorization }, body: 'x' })
  const names = [...numbersOf(await text()).keys()]
  for (let n = 1; n < 50; n++) {
    await app.inject({ url: `/secret-${n}`, headers: { authorization } })
    await app.inject({ method: 'PUT', url: `/secret-${n}`, headers: { authorization, 'x-forwarded-for': `10.0.0.${n}` }, body: 'x' })
  }
  const last = await text()
  const grown = [...numbersOf(last).keys()].filter(name => !names.includes(name) && !name.startsWith('nodejs_eventloop_delay') && !name.includes('door="metrics"'))
  t.same(grown, [])
  t.notMatch(last, /secret|admin|10\.0\.0|127\.0\.0/)
})

t.test('it answers when the store does not', async t => {
  const store = openMemoryStore()
  const away = async (): Promise<never> => { throw new StorageError('unavailable', 'away') }
  store.metrics?.read(away)
  const meta = new Proxy(store.meta, { get: (meta, name) => name === 'commit' && broken ? away : bound(meta, name) })
  let broken = false
  const server = await runningServer(t, {}, { store: { ...store, meta } })
  broken = true
  t.equal((await ask(`${server.url}/x`, { method: 'PUT', headers: { authorization }, body: 'x' })).status, 503)
  await eventually('the failure is counted', async () => (await scrape(server.url, authorization)).get('cdmi_commits_total{result="failed"}') === 1)
})

function bound (target: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name)
  return typeof value === 'function' ? value.bind(target) : value
}
