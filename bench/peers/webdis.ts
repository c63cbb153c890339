/** Redis, flushed before each answer (append-only file, always), over HTTP by webdis. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fillWith } from '../asking.js'
import { freePort, startChild } from '../child-server.js'
import { plainJobs } from '../jobs.js'
import { isInstalled, versionOf } from '../machine.js'
import { type Peer, PeerMissing } from './contestant.js'
import { startRedis } from './redis.js'

export const webdis: Peer = {
  name: 'webdis + redis',
  async start ({ directory }) {
    const version = versionOf('redis-server', ['--version'])
    // webdis itself takes any argument for a configuration file, and starts.
    if (version === undefined || !isInstalled('webdis')) throw new PeerMissing('redis-server and webdis are not both installed: apt-get install redis-server webdis')
    const port = await freePort()
    const redis = await startRedis(directory)
    try {
      const file = join(directory, 'webdis.json')
      await writeFile(file, JSON.stringify({ redis_host: '127.0.0.1', redis_port: redis.port, http_host: '127.0.0.1', http_port: port, threads: 2, pool_size: 10, daemonize: false, verbosity: 0, logfile: join(directory, 'webdis.log') }))
      // It warns of each connection that the load cuts off.
      const web = await startChild({ name: this.name, port, command: 'webdis', args: [file], ready: '/PING', silent: true })
      const { W1, W3 } = plainJobs({ small: '/SET/', large: '' })
      const server = {
        ...web,
        pids: [web.pid, redis.pid],
        async stop () {
          await web.stop()
          await redis.stop()
        }
      }
      return {
        name: this.name,
        version,
        server,
        jobs: { W1, W2: { method: 'GET', path: '/GET/', keys: W3.keys }, W3 },
        async fill () { await fillWith(server, [W3]) }
      }
    } catch (error) {
      await redis.stop()
      throw error
    }
  }
}
