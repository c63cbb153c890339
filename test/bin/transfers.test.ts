import t from 'tap'
import { once } from 'node:events'
import { join } from 'node:path'
import { request } from 'undici'
import { Cdmi, openStore } from '../../index.js'
import { otherServer, otherStore, taking } from '../helpers/other-server.js'
import { startServer } from '../helpers/server-process.js'

t.test('COC-38, CMV-18: what a server was making when it was killed is an error, as soon as somebody can know that it is dead', async t => {
  const other = await otherStore(t)
  await other.put('/s/', { metadata: { colour: 'red' } })
  await other.put('/s/a', { value: 'a' })
  await other.put('/text', { serialize: '/s/' })
  const text = (await other.plain('GET', '/text')).body
  const origin = await otherServer(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': text.length }).write(text.slice(0, -10))
  })
  const directory = join(t.testdir(), 'store')
  const server = await startServer(t, directory, ['--workers', '2'], { CDMI_REMOTE_SOURCES: JSON.stringify([{ origin, privateAddresses: true }]), CDMI_DELAYED_AFTER: '0' })
  const ask = async (method: 'PUT' | 'GET', path: string, kind: string, body?: object): Promise<{ status: number, json: Record<string, unknown> }> => {
    const answer = await request(server.origin + path, { method, headers: { authorization: server.authorization, 'content-type': `application/cdmi-${kind}`, accept: `application/cdmi-${kind}` }, body: body === undefined ? null : JSON.stringify(body), reset: true })
    return { status: answer.statusCode, json: await answer.body.json() as Record<string, unknown> }
  }
  t.equal((await ask('PUT', '/value', 'object', { copy: origin })).status, 202)
  t.equal((await ask('PUT', '/tree/', 'container', { deserialize: origin })).status, 202)
  // Whichever worker is asked.
  for (let n = 0; n < 8; n++) t.match((await ask('GET', '/tree/', 'container')).json, { completionStatus: 'Processing', children: [] })
  const exited = once(server.child, 'exit')
  await server.kill()
  await exited
  const store = await openStore({ directory })
  t.teardown(async () => { await store.close() })
  const { fields, remove } = await taking(t, {}, { store })
  const { transfers } = new Cdmi(store)
  await transfers.recover()
  for (const path of ['/value', '/tree/']) t.match(await fields(path), { completionStatus: 'Processing' }, 'it may be alive, as far as anybody knows')
  await transfers.recover(Date.now() + 31_000)
  for (const path of ['/value', '/tree/']) {
    const failed = await fields(path)
    t.match(failed, { completionStatus: 'Error: The server was restarted before it was complete' })
    t.notOk('value' in failed)
    t.same(failed['children'] ?? [], [])
    t.equal((await remove(path)).statusCode, 204)
  }
})
