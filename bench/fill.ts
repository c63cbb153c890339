/** Very many small keyed records in no time: through the storage contract, a thousand in a commit. */
import { Cdmi } from '../cdmi/model.js'
import { mintObjectID } from '../cdmi/object-id.js'
import type { RecordPut, Store, StoredRecord } from '../storage/contract.js'

const perCommit = 1000
const commitsAtOnce = 4

/** Keys of one length, in their order. */
export function keyOf (index: number): string {
  return `record-${String(index).padStart(9, '0')}`
}

/** Puts so many records beside a first one that the model makes: they differ from it in name and ID only, entries of the change log included. */
export async function fillKeyed (store: Store, count: number, value: object): Promise<void> {
  const before = await store.meta.lastSequence()
  const cdmi = new Cdmi(store)
  await cdmi.keyed.create({ name: 'benchmark', authentication: 'basic', access: 'write' }, keyOf(0), Buffer.from(JSON.stringify(value)))
  const [, container, first] = await store.meta.resolve(store.rootID, ['data', keyOf(0)])
  const event = (await store.meta.events(before, 10)).at(-1)?.event
  if (container === undefined || first === undefined || event === undefined) throw new Error('the first record is not there')
  const root = { id: store.rootID, version: 1 }
  const enterprise = Number.parseInt(store.rootID.slice(2, 8), 16)

  const commit = async (from: number): Promise<void> => {
    const puts = Array.from({ length: Math.min(perCommit, count - from) }, (_, index) => likeFirst(first, mintObjectID(enterprise), keyOf(from + index)))
    const result = await store.meta.commit({
      expect: [root, { id: container.id, version: container.version }],
      put: puts,
      events: puts.map(({ id, name = '' }) => ({ ...event, objectID: id, objectName: name }))
    })
    if (result.status !== 'committed') throw new Error(`a commit ended with ${JSON.stringify(result)}`)
  }
  for (let at = 1; at < count; at += perCommit * commitsAtOnce) {
    const starts = Array.from({ length: commitsAtOnce }, (_, index) => at + index * perCommit).filter(start => start < count)
    await Promise.all(starts.map(commit))
  }
}

function likeFirst ({ type, parentID, attributes, size, inline }: StoredRecord, id: string, name: string): RecordPut {
  return { id, version: 1, type, parentID, name, attributes, size, inline, segments: { kind: 'keep' } }
}
