import t from 'tap'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { MixedLoad } from '../helpers/mixed-load.js'
import { runCommand, startServer } from '../helpers/server-process.js'

const rounds = Number(process.env['KILL_ROUNDS'] ?? 20)
const connections = 32

/** Acknowledged writes after which a round's server is killed: in the middle of whatever the others are doing. */
const writesPerRound = 100

t.test('kill -9 under a mixed load: acknowledged writes are there byte for byte, others wholly old or wholly new; no garbage after a sweep', { timeout: 600_000 }, async t => {
  const directory = join(t.testdir(), 'store')
  const load = new MixedLoad()
  let acknowledged = 0
  for (let round = 0; round < rounds; round++) {
    const server = await startServer(t, directory, ['--log-level', 'error'])
    const dispatcher = new Agent({ connections })
    const target = { ...server, dispatcher }
    t.same(await load.check(target), [], `what ${round} kills left`)
    if (round === 0) await (await request(server.origin + '/cdmi/2.0.0/load/', { method: 'PUT', headers: { authorization: server.authorization } })).body.dump()
    const before = load.acknowledgedWrites
    const running = load.run(target, connections, round)
    const watch = new Promise<void>(resolve => {
      const timer = setInterval(() => {
        if (load.acknowledgedWrites < before + writesPerRound) return
        clearInterval(timer)
        resolve()
      }, 1)
    })
    await Promise.race([watch, running])
    await server.kill()
    await running
    await dispatcher.destroy()
    acknowledged = load.acknowledgedWrites
  }
  t.ok(acknowledged >= rounds * writesPerRound, `${acknowledged} acknowledged writes`)

  const server = await startServer(t, directory, ['--log-level', 'error'])
  t.same(await load.check(server), [], 'after the last kill')
  for (const path of ['/cdmi/2.0.0/load/', '/cdmi/2.0.0/data/']) {
    const { statusCode, body } = await request(server.origin + path, { method: 'DELETE', headers: { authorization: server.authorization } })
    await body.dump()
    t.equal(statusCode, 204)
  }
  t.equal(await server.stop(), 0)
  const swept = await runCommand(['sweep', '--data', directory, '--trash-grace', '0'])
  t.equal(swept.code, 0, swept.stderr)
  const left = (await readdir(join(directory, 'blobs'), { recursive: true, withFileTypes: true })).filter(entry => entry.isFile())
  t.equal(left.length, 0, 'every object is deleted, so every blob is garbage, and gone')
})
