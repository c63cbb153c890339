import t from 'tap'
import { idleSocketIo, idleWebSocket } from '../../bench/idle-sockets.js'
import { Latencies } from '../../bench/latencies.js'
import { askedDoors, RequestMix } from '../../bench/request-mix.js'
import { slowUpload } from '../../bench/slow-clients.js'
import { authorization, runningServer } from '../helpers/built-server.js'
import { eventually } from '../helpers/eventually.js'

t.test('members of a crowd come in, are there, and leave nothing when they go', async t => {
  const { url, app } = await runningServer(t, { load: { uploads: 1 } })
  const connections = async (): Promise<number> => await new Promise((resolve, reject) => { app.server.getConnections((error, count) => { if (error === null) resolve(count); else reject(error) }) })
  const left: number[] = []
  const members = await Promise.all([idleWebSocket, idleSocketIo, slowUpload].map(async (join, n) => await join({ url, authorization }, () => { left.push(n) }, n)))
  await eventually('all are connected', async () => await connections() === 3)
  t.same(left, [])
  await slowUpload({ url, authorization }, () => { left.push(3) }, 3)
  await eventually('one upload more than there may be is sent away', () => left.includes(3))
  for (const member of members) member.leave()
  await eventually('all have gone', async () => await connections() === 0 && left.length === 4)
  t.pass()
})

t.test('a mix of requests asks all doors, and the same seed asks the same', async t => {
  const asked = (): Array<readonly [string, string, string]> => {
    const mix = new RequestMix('m', 3)
    return Array.from({ length: 20_000 }, () => {
      const { door, method, path, answered } = mix.next()
      answered?.('{"location":"http://localhost/cdmi/2.0.0/forms/x"}')
      return [door, method, path]
    })
  }
  const all = asked()
  t.same([...new Set(all.map(([door]) => door))].sort(), [...askedDoors].sort())
  t.same([...new Set(all.map(([, method]) => method))].sort(), ['DELETE', 'GET', 'POST', 'PUT'])
  t.notOk(all.slice(0, 500).some(([, method]) => method === 'DELETE'), 'nothing is deleted as long as there is little')
  t.ok(JSON.stringify(asked()) === JSON.stringify(all))
})

t.test('times are those of the requests since they were taken before', async t => {
  const times = new Latencies()
  for (let n = 1; n <= 100; n++) times.add(n)
  const { count, p50, p99, max } = times.take()
  t.equal(count, 100)
  t.ok(Math.abs(p50 - 50) < 1 && Math.abs(p99 - 99) < 1 && Math.abs(max - 100) < 1, `${p50} ${p99} ${max}`)
  t.same(times.take(), { count: 0, p50: 0, p99: 0, max: 0 })
})
