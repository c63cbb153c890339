import fastify from 'fastify'
import t, { type Test } from 'tap'
import cdmi, { openStore } from '../../index.js'
import { buildServer } from '../../server.js'
import { StorageError, type Store } from '../../storage/contract.js'
import { openMemoryStore } from '../../storage/memory/memory-store.js'
import { eventually } from '../helpers/eventually.js'
import { fakeTelemetry, type KeptSpan } from '../helpers/fake-telemetry.js'
import { webSocket } from '../helpers/sockets-app.js'

interface Line { readonly msg?: string, readonly traceId?: string, readonly spanId?: string }

async function traced (t: Test, store?: Store) {
  const { api, ended } = fakeTelemetry()
  const lines: Line[] = []
  const app = fastify({ logger: { level: 'info', stream: { write (line: string) { lines.push(JSON.parse(line) as Line) } } } })
  const opened = store ?? await openStore({ directory: t.testdir(), inlineLimit: 10, sweepInterval: 0 })
  app.addHook('onClose', async () => { await opened.close() })
  await app.register(cdmi, { store: opened, anonymous: 'write', keyed: true, sockets: true, openTelemetry: api })
  t.teardown(async () => { await app.close() })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  // At the start the container of the keyed records is made.
  ended.length = 0
  /** Spans of one trace, when that of its request has ended. */
  const spansOf = async (count: number): Promise<KeptSpan[]> => {
    await eventually('the spans have ended', () => ended.length >= count)
    return ended.splice(0)
  }
  return { app, url, ended, lines, spansOf }
}

t.test('a request is a span, its commit and the segments that it puts and gets are spans below it', async t => {
  const { url, lines, spansOf } = await traced(t)
  const traceId = '0af7651916cd43dd8448eb211c80319c'
  const put = await fetch(`${url}/x`, { method: 'PUT', body: 'x'.repeat(100), headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` } })
  t.equal(put.status, 201)
  const [blob, commit, request, ...others] = await spansOf(3)
  t.same(others, [])
  t.match(request, { name: 'cdmi plain write', kind: 1, traceId, parent: 'b7ad6b7169203331', status: undefined, attributes: { 'cdmi.door': 'plain', 'cdmi.operation': 'write', 'http.request.method': 'PUT', 'http.response.status_code': 201 } })
  t.match(blob, { name: 'cdmi.blob.put', traceId, parent: request?.spanId })
  t.match(commit, { name: 'cdmi.commit', traceId, parent: request?.spanId })
  await eventually('the log has it', () => lines.some(({ msg }) => msg === 'request completed'))
  t.match(lines.find(({ msg }) => msg === 'request completed'), { traceId, spanId: request?.spanId })

  t.equal((await (await fetch(`${url}/x`)).text()).length, 100)
  const [get, read] = await spansOf(2)
  t.match(read, { name: 'cdmi plain read', parent: undefined })
  t.match(get, { name: 'cdmi.blob.get', parent: read?.spanId, attributes: { 'cdmi.bytes': 100 } })
})

t.test('a long value is one span while it is streamed', async t => {
  const { url, spansOf } = await traced(t)
  await fetch(`${url}/long`, { method: 'PUT', body: 'x'.repeat(2_000_000) })
  await spansOf(3)
  t.equal((await (await fetch(`${url}/long`)).text()).length, 2_000_000)
  const spans = await spansOf(2)
  const read = spans.find(({ name }) => name === 'cdmi plain read')
  t.match(spans.find(({ name }) => name === 'cdmi.blob.get'), { parent: read?.spanId, status: undefined })
})

t.test('what fails says so, and gives nothing of the inside away', async t => {
  const store = openMemoryStore()
  const meta = new Proxy(store.meta, {
    get (meta, name) {
      if (name === 'commit' && broken) return async () => { throw new StorageError('unavailable', '/secret/path') }
      const value: unknown = Reflect.get(meta, name)
      return typeof value === 'function' ? value.bind(meta) : value
    }
  })
  let broken = false
  const { url, spansOf } = await traced(t, { ...store, meta })
  broken = true
  t.equal((await fetch(`${url}/x`, { method: 'PUT', body: 'x' })).status, 503)
  const spans = await spansOf(2)
  t.match(spans[0], { name: 'cdmi.commit', status: { code: 2, message: 'StorageError' } })
  t.match(spans[1], { attributes: { 'http.response.status_code': 503 }, status: { code: 2 } })
  t.notMatch(JSON.stringify(spans), 'secret')
  t.equal((await fetch(`${url}/none`)).status, 404)
  t.match(await spansOf(1), [{ name: 'cdmi plain read', status: undefined }], 'what was not found is no failure')
})

t.test('each message of a socket is a span', async t => {
  const { url, spansOf } = await traced(t)
  const socket = await webSocket(t, `${url.replace('http', 'ws')}/ws`)
  await socket.ask({ method: 'POST', url: '/data/k', data: { a: 1 } })
  const [commit, message] = await spansOf(2)
  t.match(message, { name: 'cdmi websocket create', parent: undefined })
  t.match(commit, { name: 'cdmi.commit', parent: message?.spanId })
})

t.test('the server says what is missing when the package is not there', async t => {
  await t.rejects(buildServer({ data: t.testdir(), adminPassword: 'x', tracing: true, logLevel: 'silent' }), { name: 'ConfigError', message: /needs the package @opentelemetry\/api/ })
})
