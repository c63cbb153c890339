/** Fills a small file system, frees some of it, grows it. Prints one line of JSON for the test. Arguments: mount point. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { type ObjectID, StorageError, type Store } from '../../../storage/contract.js'
import { openStore } from '../../../storage/open-store.js'
import { aRecord } from '../driver.js'

const mount = process.argv[2] ?? ''
const directory = join(mount, 'store')
const options = { directory, sweepInterval: 0, trashGrace: 0 }
let store = await openStore(options)
const stored: ObjectID[] = []
const value = (id: ObjectID): Buffer => Buffer.alloc(30_000, id)

/** Tries to create 20 objects at once; answers what became of them. */
async function fill (): Promise<string[]> {
  return await Promise.all(Array.from({ length: 20 }, async () => {
    const put = aRecord()
    const inline = value(put.id)
    return await reasonOf(async () => {
      const result = await store.meta.commit({ expect: [], put: [{ ...put, size: inline.length, inline }], events: [{ id: put.id }] })
      if (result.status === 'committed') stored.push(put.id)
    })
  }))
}

async function reasonOf (work: () => Promise<unknown>): Promise<string> {
  try {
    await work()
    return 'done'
  } catch (error) {
    return error instanceof StorageError ? error.reason : String(error)
  }
}

/** How many of the acknowledged values are not there. */
async function missing (from: Store): Promise<number> {
  let count = 0
  for (const id of stored) {
    const record = await from.meta.get(id)
    if (record?.inline === undefined || !value(id).equals(record.inline)) count++
  }
  return count
}

/** Tries to create objects one after the other, so that each meets the end of the disk by itself; answers what became of them. */
async function fillOneByOne (): Promise<string[]> {
  const reasons: string[] = []
  for (let n = 0; n < 40; n++) {
    const put = aRecord()
    const inline = Buffer.alloc(50_000, put.id)
    reasons.push(await reasonOf(async () => { await store.meta.commit({ expect: [], put: [{ ...put, size: inline.length, inline }], events: [{ id: put.id }] }) }))
  }
  return reasons
}

const report: Record<string, unknown> = {}
const filling: string[] = []
for (let round = 0; round < 12; round++) filling.push(...await fill())
report['filling'] = [...new Set(filling)].sort()
report['oneByOne'] = [...new Set(await fillOneByOne())].includes('full')
report['missingWhenFull'] = await missing(store)
const lease = store.lease()
report['blob'] = await reasonOf(async () => await store.blobs.put(lease.id, [Buffer.alloc(2_000_000)]))
lease.release()
report['ready'] = await reasonOf(async () => { await store.ready() })
report['small'] = await reasonOf(async () => { await store.meta.commit({ expect: [], put: [aRecord()], events: [] }) })
const removed = stored.splice(0, 60)
report['removing'] = [...new Set(await Promise.all(removed.map(async id => await reasonOf(async () => await store.meta.commit({ expect: [], remove: [{ id, version: 1, subtree: false }], events: [] })))))]
report['afterRemoval'] = [...new Set(await fill())]
report['sweep'] = await reasonOf(async () => await store.sweep())
execFileSync('mount', ['-o', 'remount,size=40m', mount])
report['afterGrowth'] = [...new Set([...await fill(), ...await fill()])]
report['missing'] = await missing(store)
await store.close()
store = await openStore(options)
report['missingReopened'] = await missing(store)
report['readyReopened'] = await reasonOf(async () => { await store.ready() })
await store.close()
process.stdout.write(JSON.stringify(report) + '\n')
