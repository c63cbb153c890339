/** A gateway while PostgreSQL or S3 is away, says nothing, is overloaded or breaks off: what its clients get, and that it heals by itself. */
import t, { type Test } from 'tap'
import { eventually } from '../helpers/eventually.js'
import { type FaultProxy, faultProxy, type Fault } from '../helpers/fault-proxy.js'
import { audit } from '../helpers/gateway-audit.js'
import { type Answered, type Asked, askGateway, gatewaysHere } from '../helpers/gateways-here.js'
import type { Gateway } from '../helpers/gateway.js'
import { urlOf } from '../storage/postgres-driver.js'
import { type OwnServer, ownServer, query, schemaOf } from '../storage/postgres-server.js'
import { freshOptions, type OwnS3Server, ownS3Server } from '../storage/s3-server.js'

/** Milliseconds in which the gateway gives up an engine; and in which a client has an answer, though the machine is busy. */
const patience = 500
const bound = 15_000

const small = 'a value in the record'
const large = Buffer.alloc(300_000, 'a value elsewhere ')
const streamed = Buffer.alloc(3_000_000, 'a value that is streamed ')
const json = { 'content-type': 'application/json' }

const s3Starting = ownS3Server()
const postgres = await ownServer({ durable: true })
const s3 = await s3Starting
if (postgres === undefined || s3 === undefined) t.pass('PostgreSQL or an S3 server is not installed', { skip: true })
else suite(postgres, s3)

interface Place {
  readonly gateway: Gateway
  readonly faults: readonly string[]
  readonly proxy: FaultProxy
  /** All is as it was made, and nothing else is there; asked until it can be told. */
  unchanged (): Promise<void>
  /** The sweeper leaves nothing that nobody needs. */
  clean (): Promise<void>
}

function suite (postgres: OwnServer, s3: OwnS3Server): void {
  const setUp = async (t: Test): Promise<Place> => {
    const proxy = await faultProxy(t, s3.endpoint)
    const straight = freshOptions(s3)
    const meta = postgres.freshSchema(t)
    const blobs = urlOf({ ...straight, endpoint: proxy.url, timeout: patience, retryFor: patience })
    const { at, faults } = await gatewaysHere(t, 1, { meta, blobs, trashGrace: 0, sweepInterval: 0, databaseTimeout: patience, connectTimeout: patience })
    const gateway = at(0)
    const values: ReadonlyArray<readonly [string, string | Buffer]> = [['/small', small], ['/large', large], ['/streamed', streamed]]
    for (const [path, body] of values) t.equal((await askGateway(gateway, path, { method: 'PUT', body })).status, 201)
    t.equal((await askGateway(gateway, '/data/key', { method: 'POST', headers: json, body: '{}' })).status, 201)
    return {
      gateway,
      faults,
      proxy,
      async unchanged () {
        await eventually('it works again', async () => (await Promise.all(values.map(async ([path]) => await askGateway(gateway, path)))).every(({ status }) => status === 200))
        for (const [path, value] of values) t.ok((await askGateway(gateway, path)).bytes.equals(Buffer.from(value)), `${path} is as it was`)
        t.equal((await askGateway(gateway, '/data/key')).text, '{}')
        const { text } = await askGateway(gateway, '/?children', { headers: { accept: 'application/cdmi-container' } })
        t.same((JSON.parse(text) as { children: string[] }).children.filter(name => !name.startsWith('cdmi_')).sort(), ['data/', 'large', 'small', 'streamed'])
      },
      async clean () {
        await eventually('what was left is swept', async () => {
          await gateway.store.sweep()
          await query(meta, `update ${schemaOf(meta)}.leases set swept = null`)
          return (await audit(meta, straight)).garbage.length === 0
        })
        t.same((await audit(meta, straight)).missing, [])
      }
    }
  }

  /** Asked at once, each must be told to come again later, in time. */
  const refused = async (t: Test, gateway: Gateway, requests: ReadonlyArray<readonly [string, Asked]>): Promise<void> => {
    await Promise.all(requests.map(async ([path, asked]) => {
      const since = performance.now()
      const answer: Answered = await askGateway(gateway, path, asked)
      const what = `${asked.method ?? 'GET'} ${path}`
      t.equal(answer.status, 503, what)
      t.ok(Number(answer.headers['retry-after']) > 0, `${what} says when to come again`)
      t.ok(performance.now() - since < bound, `${what} in ${Math.round(performance.now() - since)} ms`)
    }))
  }

  const writesElsewhere: ReadonlyArray<readonly [string, Asked]> = [
    ['/new', { method: 'PUT', body: large }],
    ['/new2', { method: 'PUT', body: streamed }],
    ['/large', { method: 'PUT', body: streamed }],
    ['/small', { method: 'PUT', body: large }],
    ['/streamed', { method: 'PATCH', headers: { 'content-range': 'bytes 100-20099/*' }, body: Buffer.alloc(20_000) }],
    ['/new3', { method: 'PUT', headers: { 'content-type': 'application/cdmi-object' }, body: JSON.stringify({ value: 'x'.repeat(50_000) }) }],
    ['/data/new', { method: 'POST', headers: json, body: JSON.stringify({ long: 'x'.repeat(50_000) }) }]
  ]
  const everything: ReadonlyArray<readonly [string, Asked]> = [
    ...writesElsewhere,
    ['/small', {}], ['/large', {}], ['/streamed', { headers: { range: 'bytes=5-9' } }], ['/', {}], ['/?children', { headers: { accept: 'application/cdmi-container' } }],
    ['/new4', { method: 'PUT', body: 'x' }], ['/new5/', { method: 'PUT' }], ['/small', { method: 'DELETE' }],
    ['/new6', { method: 'PUT', headers: { 'content-type': 'application/cdmi-object' }, body: JSON.stringify({ move: '/large' }) }],
    ['/data/key', {}], ['/data/key', { method: 'PUT', headers: json, body: '[]' }], ['/data/key', { method: 'DELETE' }]
  ]

  t.test('PostgreSQL is dead, and then it is there again', { timeout: 120_000 }, async t => {
    const { gateway, faults, unchanged, clean } = await setUp(t)
    await postgres.crash()
    await refused(t, gateway, everything)
    await postgres.start()
    await unchanged()
    await clean()
    t.same(faults, [])
  })

  t.test('PostgreSQL says nothing for a while', { timeout: 120_000 }, async t => {
    const { gateway, faults, unchanged, clean } = await setUp(t)
    postgres.freeze()
    try {
      await refused(t, gateway, everything)
    } finally {
      postgres.thaw()
    }
    await unchanged()
    await clean()
    t.same(faults, [])
  })

  t.test('S3 is dead, and then it is there again; says nothing; is overloaded; breaks connections: what is in the records goes on', { timeout: 240_000 }, async t => {
    const { gateway, faults, proxy, unchanged, clean } = await setUp(t)
    const always = Infinity
    const outages: ReadonlyArray<readonly [string, () => void, () => Promise<void> | void]> = [
      ['is dead', () => { s3.own.kill() }, async () => { await s3.own.start() }],
      ['stands still', () => { s3.own.freeze() }, () => { s3.own.thaw() }],
      ['is overloaded', () => { proxy.add({ act: { kind: 'answer', status: 503 }, times: always }) }, () => { proxy.clear() }],
      ['breaks connections', () => { proxy.add({ act: { kind: 'reset' }, times: always }) }, () => { proxy.clear() }],
      ['loses its answers', () => { proxy.add({ act: { kind: 'lose' }, times: always }) }, () => { proxy.clear() }]
    ]
    for (const [what, begin, end] of outages) {
      begin()
      try {
        await t.test(`S3 ${what}`, async t => {
          await refused(t, gateway, [...writesElsewhere, ['/large', {}], ['/streamed', {}], ['/large', { headers: { range: 'bytes=5-9' } }]])
          t.equal((await askGateway(gateway, '/small')).text, small)
          t.equal((await askGateway(gateway, '/small', { method: 'PUT', body: small })).status, 204)
        })
      } finally {
        await end()
      }
      await unchanged()
    }
    await clean()
    t.same(faults, [])
  })

  t.test('S3 breaks off in the middle of a value: it goes on where it was, or the transfer is cut, or refused; nobody gets a short value', { timeout: 120_000 }, async t => {
    const { gateway, faults, proxy, unchanged, clean } = await setUp(t)
    const get = { method: 'GET', path: /\/blobs\// } as const
    for (const kind of ['cut', 'stall'] as const) {
      const once: Fault = { ...get, act: { kind, after: 100_000 } }
      for (const [path, value] of [['/large', large], ['/streamed', streamed]] as const) {
        proxy.clear()
        proxy.add(once)
        t.ok((await askGateway(gateway, path)).bytes.equals(value), `${path} is whole after ${kind === 'cut' ? 'a break' : 'a silence'}`)
        t.equal(proxy.seen.filter(({ act }) => act === kind).length, 1)
      }
      proxy.clear()
      // The first answer breaks off, and no other comes.
      proxy.add(once, { ...get, act: { kind: 'answer', status: 503 }, times: Infinity })
      await t.rejects(askGateway(gateway, '/streamed'), { code: 'UND_ERR_SOCKET' }, 'the transfer of a long value is cut')
      proxy.clear()
      proxy.add(once, { ...get, act: { kind: 'answer', status: 503 }, times: Infinity })
      await t.rejects(askGateway(gateway, '/large'), { code: 'UND_ERR_SOCKET' }, 'that of a shorter one, too: what has come of it is on its way already')
      proxy.clear()
      proxy.add({ ...get, act: { kind: 'answer', status: 503 }, times: Infinity })
      await refused(t, gateway, [['/large', {}], ['/streamed', {}]])
      proxy.clear()
    }
    for (const kind of ['lose', 'reset', 'tamper'] as const) {
      proxy.clear()
      proxy.add({ method: 'PUT', path: /\/blobs\//, act: { kind } })
      t.equal((await askGateway(gateway, '/large', { method: 'PUT', body: large })).status, 204, `sent again after ${kind}`)
      t.equal(proxy.seen.filter(({ act }) => act === kind).length, 1)
    }
    proxy.clear()
    await unchanged()
    await clean()
    t.same(faults, [])
  })
}
