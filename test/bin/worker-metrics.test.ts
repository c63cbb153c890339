/** Several processes are one server to who asks for its numbers. */
import t, { type Test } from 'tap'
import { Agent, request } from 'undici'
import { eventually } from '../helpers/eventually.js'
import { numbersOf } from '../helpers/scrape.js'
import { startServer, type ServerProcess } from '../helpers/server-process.js'

/** A client with one connection, which means: with one worker. */
function oneConnection (t: Test, { origin, authorization }: ServerProcess) {
  const dispatcher = new Agent({ connections: 1, pipelining: 1 })
  t.teardown(async () => { await dispatcher.destroy() })
  return async (method: 'GET' | 'PUT', path: string, body?: string): Promise<string> => {
    const answer = await request(origin + path, { method, headers: { authorization }, body: body ?? null, dispatcher })
    return await answer.body.text()
  }
}

const reads = 'cdmi_requests_total{door="plain",operation="read",status="200"}'
const pids = (output: string): number[] => [...new Set([...output.matchAll(/"pid":(\d+),[^\n]*"request completed"/g)].map(([, pid]) => Number(pid)))]

t.test('workers are counted together, whichever of them is asked; and what one had counted that died is not forgotten', async t => {
  const server = await startServer(t, t.testdir(), ['--workers', '2'])
  const clients = [oneConnection(t, server), oneConnection(t, server), oneConnection(t, server), oneConnection(t, server)]
  await clients[0]?.('PUT', '/a', 'x'.repeat(100_000))
  for (const client of clients) for (let n = 0; n < 5; n++) await client('GET', '/a')
  await eventually('two workers have answered', () => pids(server.output()).length === 2)
  const scrape = async (): Promise<Map<string, number>> => numbersOf(await clients[0]?.('GET', '/-/metrics') ?? '')
  for (const client of clients) {
    await eventually('all reads are counted', async () => numbersOf(await client('GET', '/-/metrics')).get(reads) === 20)
  }
  const before = await scrape()
  t.same([...before.keys()].filter(key => key.startsWith('process_resident_memory')).sort(), ['primary', 'w1', 'w2'].map(name => `process_resident_memory_bytes{process="${name}"}`))
  t.equal(before.get('cdmi_store_up'), 1)
  t.ok(Number(before.get('cdmi_store_objects')) >= 2)
  t.ok(Number(before.get('cdmi_flush_duration_seconds_count')) > 0, 'the primary writes')
  t.equal(before.get('cdmi_blob_bytes_total{operation="put"}'), 100_000, 'a worker puts')

  const [victim = 0] = pids(server.output())
  process.kill(victim, 'SIGKILL')
  await eventually('another has taken its place', async () => {
    // A connection that the dead one had taken is reset.
    const text = await oneConnection(t, server)('GET', '/-/metrics').catch(() => '\n')
    return text.includes('process_resident_memory_bytes{process="w3"}')
  })
  const after = numbersOf(await oneConnection(t, server)('GET', '/-/metrics'))
  t.equal(after.get(reads), 20)
  t.equal([...after.keys()].filter(key => key.startsWith('process_resident_memory')).length, 3)
  t.equal(await server.stop(), 0)
})
