import t from 'tap'
import { join } from 'node:path'
import { openStore } from '../../storage/open-store.js'
import { eventually } from '../helpers/eventually.js'
import { differences, noteAcknowledged, surplusFiles } from './acknowledgements.js'
import { startNode } from './child-process.js'
import { noErrors, quickDirectory } from './embedded-driver.js'
import { placeOf } from './postgres-driver.js'
import { postgresServer } from './postgres-server.js'

/** Long enough for a process that lives on a busy machine, short enough to wait for. */
const leaseTimeout = 5000
const acknowledgementsPerServer = 120

const server = await postgresServer()
if (server === undefined) t.pass('PostgreSQL is not installed', { skip: true })
else {
  t.test('kill -9 of servers in the middle of commits, others go on: everything acknowledged is there, nothing is half there, no garbage stays', { timeout: 120_000 }, async t => {
    const directory = await quickDirectory(t)
    const options = { ...placeOf(t, server, directory), leaseTimeout }
    const acknowledged = new Map<string, string>()
    const children = Array.from({ length: 3 }, () => startNode(t, 'commit-loop', JSON.stringify({ ...options, sweepInterval: 20, connections: 4 })))
    const store = await openStore(options, noErrors)
    t.teardown(async () => { await store.close() })
    for (const child of children) {
      // Each has written since the one before it died.
      await child.printed(child.lines.length + acknowledgementsPerServer)
      child.process.kill('SIGKILL')
      await child.ended
      t.ok(child.lines.length >= acknowledgementsPerServer)
      noteAcknowledged(acknowledged, child.lines)
      t.same(await differences(store, new Map(child.lines.map(line => line.split(' ')).map(([id = '', number = '']) => [id, number]))), [])
    }
    await eventually('what they left behind is swept', async () => {
      await store.sweep()
      return await surplusFiles(store, join(directory, 'blobs')) === 0
    })
    t.same(await differences(store, acknowledged), [])
    t.equal((await store.meta.staleLeases(0)).length, 0)
    const last = await store.meta.lastSequence()
    t.ok((await store.meta.events(0, 1_000_000)).length >= acknowledged.size, `${acknowledged.size} objects, ${last} events`)
  })
}
