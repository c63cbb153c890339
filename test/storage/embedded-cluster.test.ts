import t from 'tap'
import { join } from 'node:path'
import { openWorkerStore } from '../../storage/embedded/worker-store.js'
import { serveWorkers } from '../../storage/embedded/serve-workers.js'
import { openMemoryStore } from '../../storage/memory/memory-store.js'
import cluster from 'node:cluster'
import { startNode } from './child-process.js'
import { noErrors } from './embedded-driver.js'

t.test('workers of a cluster share one writer: each sees at once what another was told is stored', { timeout: 60_000 }, async t => {
  const child = startNode(t, 'cluster-primary', join(t.testdir(), 'store'))
  await child.ended
  t.same(JSON.parse(child.lines.at(-1) ?? '{}'), {
    crossProcess: true,
    ready: ['ready', 'ready'],
    unseen: [],
    races: true,
    counter: '80',
    polls: [['first', 'known'], ['first', 'known'], ['other', 'known'], null, ['other', 'known'], null],
    followed: [['by two', 'by one'], ['by two', 'by one']],
    downloaded: ['onetwo', 'onetwo'],
    leaseOfTheLiving: 4,
    filesLeft: 4,
    stillThere: ['onetwo', 'onetwo']
  })
})

t.test('outside a cluster there is nobody to commit through, and a store in memory cannot be served', async t => {
  const send = process.send
  // The test runner may have started this process with a channel of its own.
  delete process.send
  t.teardown(() => { if (send !== undefined) process.send = send })
  await t.rejects(openWorkerStore({ directory: t.testdir() }, noErrors), { name: 'StorageError', reason: 'unavailable' })
  t.throws(() => serveWorkers(cluster, openMemoryStore()), TypeError)
})
