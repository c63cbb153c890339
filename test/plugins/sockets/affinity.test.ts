import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createServer as createProcess, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { io } from 'socket.io-client'
import { request } from 'undici'
import { WorkerAffinity } from '../../../plugins/sockets/worker-affinity.js'
import { admin } from '../../helpers/keyed-app.js'
import { plainNode } from '../../helpers/plain-node.js'
import type { Reply } from '../../helpers/sockets-app.js'

t.test('CLI-40: with several processes on one port every request of a polling session finds the process of its session', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'affinity-'))
  const child = spawn(...plainNode(fileURLToPath(new URL('cluster-server.js', import.meta.url)), directory), { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await rm(directory, { recursive: true, force: true })
  })
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data') as [string]
  const url = line.trim()
  const headers = { connection: 'close' }

  // Connections go to the workers in turn, so that with one connection a request both of them get some.
  const { body } = await request(`${url}/socket.io/?EIO=4&transport=polling`, { headers })
  const { sid } = JSON.parse((await body.text()).slice(1)) as { sid: string }
  t.match(sid, /^w[12]\./)
  const session = `${url}/socket.io/?EIO=4&transport=polling&sid=${sid}`
  const poll = async (): Promise<string> => {
    const { statusCode, body } = await request(session, { headers })
    t.equal(statusCode, 200)
    return await body.text()
  }
  const send = async (text: string): Promise<void> => {
    const { statusCode, body } = await request(session, { method: 'POST', headers: { ...headers, 'content-type': 'text/plain;charset=UTF-8' }, body: text })
    t.equal(statusCode, 200)
    t.equal(await body.text(), 'ok')
  }
  await send('40')
  t.match(await poll(), /^40/)
  const workers = new Set<string>()
  for (let n = 0; n < 5; n++) {
    workers.add(await (await request(`${url}/who`, { headers })).body.text())
    await send('42' + JSON.stringify(['http message', { auth: admin, method: 'POST', url: `/data/k${n}`, data: {} }]))
    t.match(await poll(), '"status":201')
  }
  t.equal(workers.size, 2)

  for (const transports of [['polling'], ['polling', 'websocket']]) {
    const clients = Array.from({ length: 6 }, () => io(url, { transports, forceNew: true, reconnection: false }))
    await Promise.all(clients.map(async socket => {
      const answer = new Promise<Reply>(resolve => { socket.once('http message', resolve) })
      socket.emit('http message', { auth: admin, method: 'GET', url: '/data' })
      t.equal((await answer).status, 200)
      const { engine } = socket.io as unknown as { engine: { transport: { name: string } } & NodeJS.EventEmitter }
      if (transports.length === 2 && engine.transport.name !== 'websocket') await once(engine, 'upgrade')
      const again = new Promise<Reply>(resolve => { socket.once('http message', resolve) })
      socket.emit('http message', { auth: admin, method: 'GET', url: '/data' })
      t.equal((await again).status, 200)
      socket.disconnect()
    }))
  }

  for (const unknown of ['w9.x', '..%2Fx.y', 'w1.none', '.x']) {
    const { statusCode, body } = await request(`${url}/socket.io/?EIO=4&transport=polling&sid=${unknown}`, { headers })
    t.equal(statusCode, 400)
    t.match(await body.text(), 'Session ID unknown')
  }
  child.stdin.end()
  const [code] = await once(child, 'close') as [number]
  t.equal(code, 0)
})

t.test('when a process ends in the middle of its answer the client that it is passed on to gets an end, and not for a whole one', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'affinity-'))
  t.teardown(async () => { await rm(directory, { recursive: true, force: true }) })
  const affinity = new WorkerAffinity({ worker: 'w1', directory }, () => {}, () => {})
  const other = createProcess(socket => {
    socket.once('data', () => { socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf', () => { socket.destroy() }) })
  }).listen(join(directory, 'w2.sock'))
  const server = createServer((incoming, response) => { affinity.forward(incoming, response) }).listen(0, '127.0.0.1')
  t.teardown(() => {
    other.close()
    server.close()
  })
  await Promise.all([once(other, 'listening'), once(server, 'listening')])
  const read = async (): Promise<string> => await (await request(`http://127.0.0.1:${(server.address() as AddressInfo).port}/socket.io/?sid=w2.x`)).body.text()
  await t.rejects(read())
})
