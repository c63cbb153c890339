/** `KILL_ROUNDS`: how often the server is killed. `FAULT_SEED`: what the load does, and how much of it before each kill; a run says its own. */
import t from 'tap'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { Chance } from '../helpers/chance.js'
import { LoadSockets } from '../helpers/load-sockets.js'
import { MixedLoad } from '../helpers/mixed-load.js'
import { runCommand, startServer } from '../helpers/server-process.js'

const rounds = Number(process.env['KILL_ROUNDS'] ?? 4)
const connections = 32
/** Of several that run at the same time: each has a directory of its own by its name. */
const part = process.env['KILL_PART']

/**
 * Acknowledged writes after which a round's server is killed, and a few more: in the middle of whatever the others are doing. Few, for what a kill can spoil is what is under way
 * then, and rounds cost mostly the start of a server.
 */
const writesPerRound = 30

t.test(`${part === undefined ? '' : `part ${part}: `}kill -9 under a mixed load through every door: what was acknowledged is there byte for byte, what was under way is wholly there or not at all; no garbage after a sweep`, { timeout: 60_000 + rounds * 20_000 }, async t => {
  const directory = join(t.testdir({ 'config.toml': '[quotas."*"]\nbytes = 1_000_000_000_000\n[limits]\nchildren = 1_000_000\n' }), 'store')
  const config = join(directory, '..', 'config.toml')
  const seed = process.env['FAULT_SEED'] ?? String(Date.now())
  t.comment(`FAULT_SEED=${seed}`)
  const chance = new Chance(seed)
  const load = new MixedLoad(connections, undefined, chance)
  const spent = { starts: 0, checks: 0, loads: 0 }
  const timed = async <T>(what: keyof typeof spent, work: () => Promise<T>): Promise<T> => {
    const before = performance.now()
    const result = await work()
    spent[what] += performance.now() - before
    return result
  }
  // An answer that comes before its work is done (202), as on a slow machine, would acknowledge nothing.
  const start = async (): ReturnType<typeof startServer> => await timed('starts', async () => await startServer(t, directory, ['--log-level', 'error', '--config', config, '--delayed-after', '3600000']))

  for (let round = 0; round < rounds; round++) {
    const server = await start()
    const dispatcher = new Agent({ connections })
    const sockets = await LoadSockets.open(server)
    const target = { ...server, dispatcher, sockets }
    if (round === 0) await (await request(server.origin + '/cdmi/2.0.0/load/', { method: 'PUT', headers: { authorization: server.authorization } })).body.dump()
    else t.same(await timed('checks', async () => await load.check(target)), [], `what ${round} kills left`)
    await timed('loads', async () => {
      const enough = load.acknowledged + writesPerRound + chance.int(writesPerRound)
      const running = load.run(target)
      const watch = new Promise<void>(resolve => {
        const timer = setInterval(() => {
          if (load.acknowledged < enough) return
          clearInterval(timer)
          resolve()
        }, 1)
      })
      await Promise.race([watch, running])
      await server.kill()
      await running
    })
    sockets.close()
    await dispatcher.destroy()
  }
  t.ok(load.acknowledged >= rounds * writesPerRound, `${load.acknowledged} acknowledged writes`)

  const server = await start()
  t.same(await timed('checks', async () => await load.check(server, true)), [], 'after the last kill')
  t.comment(`${rounds} kills, ${load.acknowledged} acknowledged writes`)
  t.comment(Object.entries(spent).map(([what, time]) => `${what}: ${(time / 1000).toFixed(1)} s`).join(', '))
  for (const path of ['/cdmi/2.0.0/load/', '/cdmi/2.0.0/data/']) {
    const { statusCode, body } = await request(server.origin + path, { method: 'DELETE', headers: { authorization: server.authorization } })
    await body.dump()
    t.equal(statusCode, 204)
  }
  t.equal(await server.stop(), 0)
  t.match(await runCommand(['verify', '--data', directory]), { code: 0, stdout: /The store is sound\.\n$/ }, 'what is on account is what there is')
  const swept = await runCommand(['sweep', '--data', directory, '--trash-grace', '0'])
  t.equal(swept.code, 0, swept.stderr)
  const left = (await readdir(join(directory, 'blobs'), { recursive: true, withFileTypes: true })).filter(entry => entry.isFile())
  t.equal(left.length, 0, 'every object is deleted, so every blob is garbage, and gone')
})
