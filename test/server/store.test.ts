import t from 'tap'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { openStore } from '../../index.js'
import { buildServer } from '../../server.js'
import { storeOptions } from '../../server/store-config.js'
import { authorization, writeUsers } from '../helpers/built-server.js'

t.test('the server opens the store in its directory, keeps what is written, and gives the store up when it ends', async t => {
  const directory = t.testdir()
  const config = { data: join(directory, 'store'), users: await writeUsers(join(directory, 'users.json')), logLevel: 'silent' } as const
  const first = await buildServer(config)
  t.teardown(async () => { await first.close() })
  t.equal((await first.app.inject({ method: 'PUT', url: '/x', headers: { authorization }, payload: 'hello' })).statusCode, 201)
  await t.rejects(buildServer(config), { name: 'StorageError', reason: 'locked', message: /in use by process/ }, 'one server at a time')
  t.equal((await first.app.inject({ url: '/x', headers: { authorization } })).body, 'hello', 'who is refused takes nothing away')
  await first.close()
  const second = await buildServer(config)
  t.teardown(async () => { await second.close() })
  t.equal((await second.app.inject({ url: '/cdmi/2.0.0/x', headers: { authorization } })).body, 'hello')
})

t.test('a start that fails gives the store up', async t => {
  const directory = t.testdir()
  const data = join(directory, 'store')
  for (const wrong of [{ users: join(directory, 'none.json') }, { trustProxy: 'nonsense' }, { tlsCert: join(directory, 'none.pem') }, { adminPassword: 'x', realm: 'Füü' }]) {
    await t.rejects(buildServer({ data, logLevel: 'silent', ...wrong }), JSON.stringify(wrong))
    const store = await openStore({ directory: data })
    await store.close()
  }
})

t.test('a directory that is something else is refused and left as it is', async t => {
  const data = t.testdir({ 'holiday.jpg': 'a picture' })
  await t.rejects(buildServer({ data, logLevel: 'silent' }), { name: 'StorageError', reason: 'format', message: /not empty and not a store/ })
  t.same(readdirSync(data), ['holiday.jpg'])
})

t.test('seconds of the configuration are whole milliseconds of the store', async t => {
  t.same(storeOptions({ trashGrace: 1.5 }), { trashGrace: 1500 })
  t.same(storeOptions({ trashGrace: 1.001 }), { trashGrace: 1001 })
  t.same(storeOptions({}), {})
})
