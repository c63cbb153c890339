/** A primary with two workers on one store. Prints one line of JSON for the test. Arguments: directory. */
import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { serveWorkers } from '../../../storage/embedded/serve-workers.js'
import { openStore } from '../../../storage/open-store.js'
import type { Change } from '../../../storage/contract.js'
import { aRecord, aValue, follow } from '../driver.js'

const directory = process.argv[2] ?? ''
const report: Record<string, unknown> = {}
cluster.setupPrimary({ exec: fileURLToPath(new URL('./cluster-worker.js', import.meta.url)), serialization: 'advanced' })
// Before the store is open: they wait.
const workers = [cluster.fork({ STORE: directory }), cluster.fork({ STORE: directory })]
const store = await openStore({ directory, trashGrace: 0, sweepInterval: 0 })
const stop = serveWorkers(cluster, store)
report['crossProcess'] = store.flags.crossProcess

const waiting = new Map<number, (message: { answer?: unknown, error?: string }) => void>()
const started = Promise.all(workers.map(async worker => {
  await new Promise<void>(resolve => {
    worker.on('message', (message: { id?: number, answer?: unknown, error?: string }) => {
      if (message.id === 0) resolve()
      else if (message.id !== undefined) waiting.get(message.id)?.(message)
    })
  })
}))
let last = 0
async function ask (worker: Worker | undefined, task: string, argument = ''): Promise<unknown> {
  const id = ++last
  const answer = new Promise<{ answer?: unknown, error?: string }>(resolve => { waiting.set(id, resolve) })
  worker?.send({ id, task, argument })
  const message = await answer
  if (message.error !== undefined) throw new Error(message.error)
  return message.answer
}

await started
const [one, two] = workers
report['ready'] = await Promise.all(workers.map(async worker => await ask(worker, 'ready').then(() => 'ready')))

// What one acknowledged, the other and the primary see at once.
const unseen: string[] = []
for (let n = 0; n < 50; n++) {
  const name = `seen${n}`
  await ask(workers[n % 2], 'create', name)
  if (await ask(workers[(n + 1) % 2], 'read', name) !== `by ${workers[n % 2]?.process.pid}`) unseen.push(name)
  if ((await store.meta.resolve(store.rootID, [name])).length !== 2) unseen.push(`${name} (primary)`)
}
report['unseen'] = unseen

const races = await Promise.all(Array.from({ length: 20 }, async (_, n) => await Promise.all(workers.map(async worker => await ask(worker, 'create', `race${n}`)))))
report['races'] = races.every(results => results.filter(status => status === 'committed').length === 1)

await store.meta.commit({ expect: [], put: [aValue('0', { parentID: store.rootID, name: 'counter' })], events: [] })
await Promise.all(workers.map(async worker => await ask(worker, 'increment', 'counter')))
report['counter'] = await ask(one, 'read', 'counter')

// What one worker knows of a path holds until another changes something along it: the object, or a container above, and no longer.
const home = aRecord({ type: 'c', parentID: store.rootID, name: 'home' })
const polled = aValue('first', { parentID: home.id, name: 'polled' })
const polls: unknown[] = []
const changes: Array<Pick<Change, 'put'> & Partial<Change>> = [
  { put: [home, polled] },
  { put: [aValue('beside', { parentID: home.id, name: 'beside' })] },
  { put: [{ ...polled, version: 2, inline: Buffer.from('other') }] },
  { put: [{ ...home, version: 2, name: 'away' }] },
  { put: [{ ...home, version: 3 }] },
  { put: [], remove: [{ id: polled.id, version: 2, subtree: false }] }
]
for (const change of changes) {
  await store.meta.commit({ expect: [], events: [], ...change })
  polls.push(await ask(one, 'poll', 'home/polled'))
}
report['polls'] = polls

const before = await store.meta.lastSequence()
const following = [ask(one, 'follow', String(before)), follow(store, before, 2).then(entries => entries.map(({ event }) => event['name']))]
await ask(two, 'upload', 'by two')
await ask(one, 'upload', 'by one')
report['followed'] = await Promise.all(following)
report['downloaded'] = await Promise.all([ask(one, 'download', 'by two'), ask(two, 'download', 'by one')])

// A worker that dies in the middle of an upload: its lease is closed, what it left is swept; nothing of the living is.
const lease = String(await ask(two, 'litter'))
await store.sweep()
report['leaseOfTheLiving'] = (await readdir(join(directory, 'blobs', lease), { recursive: true, withFileTypes: true })).filter(entry => entry.isFile()).length
const exited = two === undefined ? undefined : once(two, 'exit')
two?.process.kill('SIGKILL')
await exited
await store.sweep()
const left = await readdir(join(directory, 'blobs'), { recursive: true, withFileTypes: true })
report['filesLeft'] = left.filter(entry => entry.isFile()).length
report['stillThere'] = await Promise.all([ask(one, 'download', 'by two'), ask(one, 'download', 'by one')])

await ask(one, 'close')
one?.disconnect()
stop()
await store.close()
process.stdout.write(JSON.stringify(report) + '\n')
