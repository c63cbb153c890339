/** Writes for ever, 16 objects at a time, and prints each acknowledgement: to be killed. Arguments: options of the store, as JSON. */
import type { DistributedStoreOptions, StoreOptions } from '../../../schemas/store-options.js'
import type { BlobBirth } from '../../../storage/contract.js'
import { openStore } from '../../../storage/open-store.js'
import { aRecord, next, segmentOf } from '../driver.js'
import { valueOf } from './known-values.js'

const store = await openStore(JSON.parse(process.argv[2] ?? '') as StoreOptions | DistributedStoreOptions, error => { throw error })

/** Resolves when the system has the line: what only this process has is lost with it, and a busy reader takes his time. */
async function print (line: string): Promise<void> {
  await new Promise<void>((resolve, reject) => { process.stdout.write(line, error => { if (error === undefined || error === null) resolve(); else reject(error) }) })
}

async function write (): Promise<void> {
  let put = aRecord({ parentID: store.rootID })
  put = { ...put, name: put.id }
  for (let number = 1; number <= 5; number++) {
    const value = valueOf(put.id, number)
    const lease = store.lease()
    const births: BlobBirth[] = []
    const half = value.length >> 1
    // An empty blob would be in no segment that covers anything: nobody would find out that it is needed.
    if (number % 2 === 0 && half > 0) births.push(await store.blobs.put(lease.id, [value.subarray(0, half)]), await store.blobs.put(lease.id, [value.subarray(half)]))
    const segments = births.map((birth, index) => segmentOf(birth, index * half))
    const fields = { size: value.length, inline: births.length === 0 ? value : undefined, segments: { kind: 'replace', segments } } as const
    put = number === 1 ? { ...put, ...fields } : next(put, fields)
    const result = await store.meta.commit({ ...(births.length > 0 ? { lease: lease.id, births } : {}), expect: [{ id: store.rootID, version: 1 }], put: [put], events: [{ id: put.id, number }] })
    if (result.status !== 'committed') throw new Error(JSON.stringify(result))
    await print(`${put.id} ${number}\n`)
    lease.release()
  }
  if (put.id.endsWith('0')) {
    const result = await store.meta.commit({ expect: [], remove: [{ id: put.id, version: 5, subtree: false }], events: [{ id: put.id }] })
    if (result.status === 'committed') await print(`${put.id} gone\n`)
  }
}

await Promise.all(Array.from({ length: 16 }, async () => { for (;;) await write() }))
