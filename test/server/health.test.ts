import t from 'tap'
import Fastify from 'fastify'
import errors from '../../plugins/errors.js'
import healthRoutes from '../../routes/health.js'
import { version } from '../../server/version.js'
import { StorageError } from '../../storage/contract.js'
import { openMemoryStore } from '../../storage/memory/memory-store.js'
import { openStore } from '../../storage/open-store.js'
import { builtServer } from '../helpers/built-server.js'

t.test('health: the process is alive, which version, since when; no credentials are needed', async t => {
  const { app } = await builtServer(t)
  const { statusCode, headers, body } = await app.inject('/-/health')
  t.equal(statusCode, 200)
  t.match(JSON.parse(body), { status: 'alive', version, uptime: Number })
  t.equal(headers['cache-control'], 'no-store')
})

t.test('ready: 200 when requests can be taken; no credentials are needed', async t => {
  const { app } = await builtServer(t)
  const { statusCode, headers, body } = await app.inject('/-/ready')
  t.equal(statusCode, 200)
  t.same(JSON.parse(body), { status: 'ready' })
  t.equal(headers['cache-control'], 'no-store')
})

t.test('ready: 503 when the store cannot work, with a reason that says nothing of the inside; health stays alive', async t => {
  for (const [reason, sentence] of [['unavailable', /store/i], ['full', /space/i], ['corrupt', /inside the server/]] as const) {
    const store = { ...openMemoryStore(), async ready () { throw new StorageError(reason, '/secret/path is gone') } }
    const server = await builtServer(t, {}, { store })
    const { statusCode, body } = await server.app.inject('/-/ready')
    t.equal(statusCode, 503)
    t.match(JSON.parse(body), { status: 'unavailable', reason: sentence })
    t.notMatch(body, 'secret')
    t.match(server.lines().filter(({ level }) => level === 40), [{ msg: 'not ready', err: { message: '/secret/path is gone' } }], 'the log has it')
    t.equal((await server.app.inject('/-/health')).statusCode, 200)
  }
})

t.test('ready: 503 says which half of the store it is, and what is wrong with it, in words that give nothing away', async t => {
  const [records, values] = ['The database with the records of the store', 'The place of the values of the store']
  for (const [reason, part, sentence] of [
    ['unavailable', 'records', `${records} cannot be reached, or takes nothing now`],
    ['permission', 'values', `${values} does not allow this server to write`],
    ['format', 'records', `${records} is not what this build of the server works with`],
    ['full', 'values', /space/i]
  ] as const) {
    const store = { ...openMemoryStore(), async ready () { throw new StorageError(reason, 'connect ECONNREFUSED secret.example:5432', { part }) } }
    const { app } = await builtServer(t, {}, { store })
    const { statusCode, body } = await app.inject('/-/ready')
    t.equal(statusCode, 503)
    t.match(JSON.parse(body), { status: 'unavailable', reason: sentence })
    t.notMatch(body, 'secret')
  }
})

t.test('ready: 503 when the store on disk was closed under the server', async t => {
  const store = await openStore({ directory: t.testdir() })
  const { app } = await builtServer(t, {}, { store })
  t.equal((await app.inject('/-/ready')).statusCode, 200)
  await store.close()
  t.equal((await app.inject('/-/ready')).statusCode, 503)
})

t.test('ready: 503 from the moment on that the server is told to end', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  let draining = false
  await app.register(errors)
  await app.register(healthRoutes, { store: openMemoryStore(), version, draining: () => draining })
  t.equal((await app.inject('/-/ready')).statusCode, 200)
  draining = true
  const { statusCode, body } = await app.inject('/-/ready')
  t.equal(statusCode, 503)
  t.match(JSON.parse(body), { status: 'draining' })
})

t.test('probes are not logged while all is well', async t => {
  const server = await builtServer(t)
  await server.app.inject('/-/health')
  await server.app.inject('/-/ready')
  t.same(server.lines(), [])
})
