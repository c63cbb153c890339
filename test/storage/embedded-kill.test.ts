import t from 'tap'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { BlobID, Store } from '../../storage/contract.js'
import { openStore } from '../../storage/open-store.js'
import { valueOf } from './children/known-values.js'
import { startNode } from './child-process.js'
import { readValue } from './driver.js'
import { noErrors } from './embedded-driver.js'

const rounds = 5
const acknowledgementsPerRound = 150

/** Compares the store with the acknowledgements: each object is at the last acknowledged number or at the one after it. */
async function differences (store: Store, acknowledged: ReadonlyMap<string, string>): Promise<string[]> {
  const wrong: string[] = []
  for (const [id, last] of acknowledged) {
    const record = await store.meta.get(id)
    if (record === undefined) {
      if (last !== 'gone' && last !== '5') wrong.push(`${id} is gone after ${last}`)
      continue
    }
    if (last === 'gone') wrong.push(`${id} is back`)
    else if (record.version !== Number(last) && record.version !== Number(last) + 1) wrong.push(`${id} is at ${record.version} after ${last}`)
    else if (!valueOf(id, record.version).equals(await readValue(store, record))) wrong.push(`${id} has other bytes`)
  }
  return wrong
}

t.test('kill -9 in the middle of commits: everything acknowledged is there, nothing is half there, no garbage stays', { timeout: 120_000 }, async t => {
  const directory = join(t.testdir(), 'store')
  const acknowledged = new Map<string, string>()
  for (let round = 0; round < rounds; round++) {
    const child = startNode(t, 'commit-loop', directory)
    await child.printed(acknowledgementsPerRound)
    child.process.kill('SIGKILL')
    await child.ended
    t.ok(child.lines.length >= acknowledgementsPerRound)
    for (const line of child.lines) {
      const [id, number] = line.split(' ')
      if (id !== undefined && number !== undefined) acknowledged.set(id, number)
    }
    const store = await openStore({ directory, trashGrace: 0, sweepInterval: 0 }, noErrors)
    t.same(await differences(store, acknowledged), [])
    await store.sweep()
    const named = new Set<BlobID>()
    const entries = await store.meta.children(store.rootID, { limit: 1_000_000 })
    for (const { id } of entries) for (const { blob } of (await store.meta.segments(id, 0, 1_000_000))?.segments ?? []) named.add(blob)
    const files = (await readdir(join(directory, 'blobs'), { recursive: true, withFileTypes: true })).filter(entry => entry.isFile())
    t.equal(files.length, named.size, 'as many files as referenced blobs')
    t.same(await differences(store, acknowledged), [])
    const events = await store.meta.events(0, 1_000_000)
    t.ok(events.every(({ sequence }, at) => sequence === at + 1), 'the log has no gap')
    await store.close()
  }
  t.comment(`${acknowledged.size} objects`)
})
