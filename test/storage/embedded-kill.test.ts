import t from 'tap'
import { join } from 'node:path'
import { openStore } from '../../storage/open-store.js'
import { differences, noteAcknowledged, surplusFiles } from './acknowledgements.js'
import { startNode } from './child-process.js'
import { noErrors } from './embedded-driver.js'

const rounds = 3
const acknowledgementsPerRound = 150

t.test('kill -9 in the middle of commits: everything acknowledged is there, nothing is half there, no garbage stays', { timeout: 120_000 }, async t => {
  const directory = join(t.testdir(), 'store')
  const acknowledged = new Map<string, string>()
  for (let round = 0; round < rounds; round++) {
    const child = startNode(t, 'commit-loop', JSON.stringify({ directory, trashGrace: 0, sweepInterval: 5 }))
    await child.printed(acknowledgementsPerRound)
    child.process.kill('SIGKILL')
    await child.ended
    t.ok(child.lines.length >= acknowledgementsPerRound)
    noteAcknowledged(acknowledged, child.lines)
    const store = await openStore({ directory, trashGrace: 0, sweepInterval: 0 }, noErrors)
    t.same(await differences(store, acknowledged), [])
    await store.sweep()
    t.equal(await surplusFiles(store, join(directory, 'blobs')), 0, 'as many files as referenced blobs')
    t.same(await differences(store, acknowledged), [])
    const events = await store.meta.events(0, 1_000_000)
    t.ok(events.every(({ sequence }, at) => sequence === at + 1), 'the log has no gap')
    await store.close()
  }
  t.comment(`${acknowledged.size} objects`)
})
