/**
 * Moves objects aside whose bytes, or whose place, are gone: through the contract, as one more of those who change the store. So servers may go on with it meanwhile,
 * and two who repair it are in nobody's way.
 */
import { type Change, type JsonObject, type MetaStore, type ObjectID, StorageError, type StoredRecord } from '../contract.js'
import { mintObjectID } from '../object-id.js'
import { maxNameLength } from '../object-key.js'
import { isSetAside } from './findings.js'
import { bare, bytesWereGone, lostAndFound, marked, repairEvent, visible } from './set-aside.js'

export interface MendedStore {
  readonly meta: MetaStore
  readonly rootID: ObjectID
  /** What is stored as the attributes of a record that cannot be read, where the driver can say it. */
  readonly rawAttributes?: (id: ObjectID) => Promise<string | undefined>
}

const container = 'c'
const dataObject = 'd'
/** Times that others may be faster. */
const mostAttempts = 100
/** An item of metadata: what was kept with an object, and cannot be read. */
const unreadable = 'damage_attributes'

interface Place { readonly id: ObjectID, readonly version: number, readonly path: string }

export class ObjectMender {
  readonly #store: MendedStore

  constructor (store: MendedStore) {
    this.#store = store
  }

  /** `note`: the end of a sentence that says what is wrong. `sound`: only its place is. Answers what was done, as the end of a sentence; undefined when there was nothing to do. */
  async setAside (id: ObjectID, note: string, sound = false): Promise<string | undefined> {
    return await this.#until(async () => {
      const record = await this.#store.meta.get(id)
      if (record === undefined) return { done: undefined }
      const attributes = await this.#attributesOf(record)
      if (isSetAside(attributes)) return { done: undefined }
      const from = await this.#pathOf(id)
      if (!visible.includes(record.type)) return await this.#setApart(record, attributes, note, from)
      const isContainer = record.type === container
      const next = { ...plain(record), version: record.version + 1, attributes: marked({ type: record.type, attributes }, note, from, sound || isContainer) }
      // A container has no bytes: it can stay with all that is in it.
      if (isContainer && !sound) return { change: { expect: [], put: [put(next)], events: [repairEvent('modify', next, { from, to: from })] }, done: 'it stays, and what cannot be read of it is lost' }
      const place = await this.#lostAndFound()
      const name = await this.#freeName(place.id, record.name, id)
      const to = pathIn(place, name, record.type)
      const moved = { ...next, parentID: place.id, name }
      return { change: { expect: expected(place, this.#root), put: [put(moved)], events: [repairEvent('rename', moved, { from, to })] }, done: `it is ${to} now` }
    })
  }

  /** Whether it is where a repair has put it: perhaps a moment ago, for something else that is wrong with it. */
  async isAside (id: ObjectID): Promise<boolean> {
    const record = await this.#store.meta.get(id)
    return record !== undefined && isSetAside(await this.#attributesOf(record))
  }

  /** A record that is gone, of which there is still a map of bytes: up to `size`. */
  async rebuild (id: ObjectID, size: number, note: string): Promise<string | undefined> {
    return await this.#until(async () => {
      if (await this.#store.meta.get(id) !== undefined) return { done: undefined }
      const place = await this.#lostAndFound()
      const name = await this.#freeName(place.id, undefined, id)
      const record = { id, version: 1, type: dataObject, size, inline: undefined, attributes: marked({ type: dataObject, attributes: {} }, note, undefined, false), parentID: place.id, name }
      const to = pathIn(place, name, dataObject)
      return { change: { expect: expected(place, this.#root), put: [put(record)], events: [repairEvent('create', record, { from: undefined, to })] }, done: `it is ${to} now` }
    })
  }

  /** An object that was set aside for bytes which are there again. Answers whether it was. */
  async release (id: ObjectID): Promise<boolean> {
    return await this.#until(async () => {
      const record = await this.#store.meta.get(id)
      if (record === undefined || !canBeReleased(record)) return { done: false }
      const { metadata, ...attributes } = record.attributes
      const { damage: _, ...items } = Object(metadata) as JsonObject
      const next = { ...plain(record), version: record.version + 1, attributes: { ...attributes, metadata: items, completionStatus: 'Complete' } }
      const path = await this.#pathOf(id)
      return { change: { expect: [], put: [put(next)], events: [repairEvent('modify', next, { from: path, to: path })] }, done: true }
    })
  }

  /** What the server kept for itself becomes an object of its own, and its record goes: another may get that ID. */
  async #setApart (record: StoredRecord, attributes: JsonObject, note: string, from: string | undefined): Promise<Attempt<string | undefined>> {
    const { meta } = this.#store
    const place = await this.#lostAndFound()
    const enterprise = Number.parseInt(this.#root.slice(2, 8), 16)
    const id = mintObjectID(Number.isNaN(enterprise) ? undefined : enterprise)
    const name = await this.#freeName(place.id, undefined, id)
    const to = pathIn(place, name, dataObject)
    const fresh = { id, version: 1, type: dataObject, size: record.size, attributes: marked({ type: record.type, attributes }, note, from, false), parentID: place.id, name }
    const made = await meta.commit({ expect: expected(place, this.#root), put: [{ ...fresh, segments: { kind: 'copy', from: record.id, version: record.version } }], events: [repairEvent('create', fresh, { from: undefined, to })] })
    if (made.status !== 'committed') return { change: undefined }
    return { change: { expect: [], remove: [{ id: record.id, version: record.version, subtree: false }], events: [] }, done: `it is ${to} now` }
  }

  get #root (): ObjectID {
    return this.#store.rootID
  }

  /** What cannot be read is kept as it is, in an item of metadata. */
  async #attributesOf (record: StoredRecord): Promise<JsonObject> {
    try {
      const { attributes } = record
      if (isObject(attributes)) return attributes
    } catch {
      // Said below.
    }
    const raw = await this.#store.rawAttributes?.(record.id)
    return { ...bare(visible.includes(record.type) ? record.type : dataObject), metadata: raw === undefined ? {} : { [unreadable]: raw } }
  }

  async #pathOf (id: ObjectID): Promise<string | undefined> {
    const chain = (await this.#store.meta.lineage(id)).slice(1)
    return chain.length === 0 ? undefined : `/${chain.map(({ name = '' }) => encodeURIComponent(name)).join('/')}${'ck'.includes(chain.at(-1)?.type ?? '') ? '/' : ''}`
  }

  /** The container in the root; one more where something else has its name. */
  async #lostAndFound (): Promise<Place> {
    const { meta } = this.#store
    for (let n = 1; ; n++) {
      const name = n === 1 ? lostAndFound : `${lostAndFound}-${n}`
      const path = `/${encodeURIComponent(name)}/`
      const [root, there] = await meta.resolve(this.#root, [name])
      if (root === undefined) throw new StorageError('missing', 'The root container has no record, so that nothing can be put into it; what can be done is to restore a backup')
      if (there?.type === container) return { id: there.id, version: there.version, path }
      if (there !== undefined) continue
      const id = mintObjectID(Number.parseInt(this.#root.slice(2, 8), 16))
      const record = { id, version: 1, type: container, parentID: this.#root, name, size: 0, attributes: bare(container) }
      const { status } = await meta.commit({ expect: [{ id: root.id, version: root.version }], put: [{ ...record, segments: { kind: 'keep' } }], events: [repairEvent('create', record, { from: undefined, to: path })] })
      if (status === 'committed') return { id, version: 1, path }
      // Somebody has made it meanwhile.
      n--
    }
  }

  async #freeName (parent: ObjectID, name: string | undefined, id: ObjectID): Promise<string> {
    const usable = name !== undefined && name.isWellFormed() && !name.startsWith('cdmi_') && Buffer.byteLength(name) <= maxNameLength
    for (let n = 0; ; n++) {
      const free = usable && n === 0 ? name : n < 2 ? id : `${id}-${n}`
      const holder = (await this.#store.meta.resolve(parent, [free]))[1]
      if (holder === undefined || holder.id === id) return free
    }
  }

  async #until<T> (attempt: () => Promise<Attempt<T>>): Promise<T> {
    for (let n = 0; n < mostAttempts; n++) {
      const tried = await attempt()
      if (!('done' in tried)) continue
      if (tried.change === undefined) return tried.done
      const result = await this.#store.meta.commit(tried.change)
      if (result.status === 'committed') return tried.done
      // It is so every time.
      if (result.status === 'refused') throw new StorageError('permission', `The store does not let the repair move object ${result.on === 'trees' ? result.id : ''}: ${result.on === 'trees' ? 'it would leave a container that has a quota' : `${result.account} has a limit`}`)
    }
    throw new StorageError('unavailable', 'Others change the store faster than it can be repaired')
  }
}

/** What is to be committed, and is done then. Without `done`: to be tried again. */
type Attempt<T> = { readonly change?: Change | undefined, readonly done: T } | { readonly change: undefined }

/** Set aside for lost bytes, and for nothing else. */
export function canBeReleased (record: StoredRecord): boolean {
  try {
    return isObject(record.attributes) && bytesWereGone(record.attributes)
  } catch {
    // Then it cannot be read.
    return false
  }
}

function isObject (value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Drivers give records that decode themselves. */
function plain ({ id, type, parentID, name, size, inline, version }: StoredRecord): Omit<StoredRecord, 'attributes'> {
  return { id, type, parentID, name, size: inline === undefined ? size : inline.length, inline, version }
}

function put (record: StoredRecord): NonNullable<Change['put']>[number] {
  return { ...record, segments: { kind: 'keep' } }
}

function expected ({ id, version }: Place, root: ObjectID): Change['expect'] {
  // The root is never removed.
  return id === root ? [] : [{ id, version }]
}

function pathIn ({ path }: Place, name: string, type: string): string {
  return `${path}${encodeURIComponent(name)}${'ck'.includes(type) ? '/' : ''}`
}
