/** A worker of cluster-primary.ts: does what it is told, and answers. */
import type { Store } from '../../../storage/contract.js'
import { openWorkerStore } from '../../../storage/embedded/worker-store.js'
import { aRecord, aValue, follow, next, segmentOf, text } from '../driver.js'

const store = await openWorkerStore({ directory: process.env['STORE'] ?? '', trashGrace: 0 }, error => { throw error })

type Task = (store: Store, argument: string) => Promise<unknown>

const tasks: Record<string, Task> = {
  async create (store, name) {
    const put = aValue(`by ${process.pid}`, { parentID: store.rootID, name })
    return (await store.meta.commit({ expect: [{ id: store.rootID, version: 1 }], put: [put], events: [{ name }] })).status
  },
  async read (store, name) {
    const record = (await store.meta.resolve(store.rootID, [name]))[1]
    return record?.inline === undefined ? undefined : text(record.inline)
  },
  /** As who polls reads: what was found before is asked for again. */
  async poll (store, path) {
    const names = path.split('/')
    const chains = [1, 2, 3].map(() => store.meta.known?.(store.rootID, names))
    const record = chains[0]?.[names.length]
    return record === undefined ? undefined : [record.inline === undefined ? '' : text(record.inline), chains[1] === chains[2] ? 'known' : 'looked up']
  },
  async increment (store, name) {
    for (let done = 0; done < 40;) {
      const record = (await store.meta.resolve(store.rootID, [name]))[1]
      if (record === undefined) return 'missing'
      const inline = Buffer.from(String(Number(text(record.inline)) + 1))
      const result = await store.meta.commit({ expect: [], put: [next(record, { inline, size: inline.length, segments: { kind: 'replace', segments: [] } })], events: [] })
      if (result.status === 'committed') done++
    }
    return 'done'
  },
  async upload (store, name) {
    const lease = store.lease()
    const births = await Promise.all(['one', 'two'].map(async part => await store.blobs.put(lease.id, [Buffer.from(part)])))
    const segments = births.map((birth, index) => segmentOf(birth, index * 3))
    const result = await store.meta.commit({ lease: lease.id, births, expect: [], put: [aRecord({ parentID: store.rootID, name, size: 6, segments: { kind: 'replace', segments } })], events: [{ name }] })
    lease.release()
    return result.status
  },
  async download (store, name) {
    const record = (await store.meta.resolve(store.rootID, [name]))[1]
    const map = record === undefined ? undefined : await store.meta.segments(record.id, 0, record.size)
    const parts = await Promise.all((map?.segments ?? []).map(async ({ blob, blobOffset, length }) => await store.blobs.read(blob, blobOffset, length)))
    return text(Buffer.concat(parts))
  },
  /** Leaves a blob that is never committed, and a put that never ends. */
  async litter (store) {
    const lease = store.lease()
    await store.blobs.put(lease.id, [Buffer.from('never committed')])
    await new Promise<void>(resolve => {
      store.blobs.put(lease.id, (async function * () {
        yield Buffer.from('half')
        resolve()
        await new Promise(() => {})
      })()).catch(() => {})
    })
    return lease.id
  },
  async follow (store, after) {
    return (await follow(store, Number(after), 2)).map(({ event }) => event['name'])
  },
  async ready (store) { await store.ready() },
  async close (store) { await store.close() }
}

process.on('message', ({ id, task, argument }: { id: number, task: string, argument: string }) => {
  if (task === undefined) return
  tasks[task]?.(store, argument).then(
    answer => { process.send?.({ id, answer }) },
    (error: unknown) => { process.send?.({ id, error: String(error) }) })
})
process.send?.({ id: 0 })
