/** Operations as the model does them (upload, replace, splice, copy, delete), and what must be true of their objects afterwards. */
import type { BlobBirth, BlobID, Change, CommitResult, ObjectID, RecordPut, Segment, Store, StoredRecord } from '../../storage/contract.js'
import { mintObjectID } from '../../storage/object-id.js'
import { withOwner } from '../../storage/usage.js'
import { aRecord, next, readValue } from './driver.js'

export type Step =
  | { kind: 'upload', name: string, value: string, pieces: number, in?: string }
  | { kind: 'replace', name: string, value: string, pieces: number }
  | { kind: 'splice', name: string, offset: number, value: string }
  | { kind: 'copy', name: string, from: string }
  | { kind: 'delete', name: string }
  | { kind: 'container', name: string }
  | { kind: 'sweep' }

/** Somebody has them on account. */
const attributes = withOwner({}, 'somebody')

/** A value that an object may have; undefined: it may not exist. */
type State = Buffer | undefined

export class Operations {
  /** Of every object: the states that it may be in. More than one only while a change is under way, or when a crash left it open. */
  readonly #objects = new Map<ObjectID, State[]>()
  /** Objects of this run, by their names. */
  #names = new Map<string, { id: ObjectID, parent: string | undefined }>()

  static merge (many: readonly Operations[]): Operations {
    const all = new Operations()
    for (const one of many) for (const [id, states] of one.#objects) all.#objects.set(id, states)
    return all
  }

  /** A new run with new objects; those of runs before must stay as they are. */
  begin (): void {
    this.#names = new Map()
  }

  ids (): ObjectID[] {
    return [...this.#objects.keys()]
  }

  random (choose: () => number): Step {
    const names = [...this.#names.keys()]
    const name = names[choose() % (names.length + 1)] ?? `n${names.length}`
    const value = 'v'.repeat(choose() % 40) + String(choose())
    if (!this.#names.has(name)) {
      const from = names[choose() % (names.length + 1)]
      return from === undefined ? { kind: 'upload', name, value, pieces: 1 + choose() % 3 } : { kind: 'copy', name, from }
    }
    switch (choose() % 4) {
      case 0: return { kind: 'delete', name }
      case 1: return { kind: 'replace', name, value, pieces: 1 + choose() % 3 }
      default: return { kind: 'splice', name, offset: choose() % 50, value }
    }
  }

  /** Does it. What the store refuses (a lease taken away, a version) changes nothing, and the model says so. */
  async run (store: Store, step: Step): Promise<void> {
    switch (step.kind) {
      case 'sweep':
        await store.sweep()
        break
      case 'container': {
        const put = aRecord({ type: 'c', attributes, parentID: store.rootID, name: mintObjectID() })
        this.#names.set(step.name, { id: put.id, parent: undefined })
        await this.#commit(store, put.id, Buffer.alloc(0), { put: [put] })
        break
      }
      case 'upload': {
        const parent = step.in === undefined ? undefined : this.#names.get(step.in)?.id
        const put = aRecord({ attributes, parentID: parent ?? store.rootID, name: mintObjectID() })
        this.#names.set(step.name, { id: put.id, parent: step.in })
        this.#objects.set(put.id, [undefined])
        await this.#write(store, put, Buffer.from(step.value), step.pieces)
        break
      }
      case 'replace': {
        const record = await this.#get(store, step.name)
        if (record !== undefined) await this.#write(store, next(record), Buffer.from(step.value), step.pieces)
        break
      }
      case 'splice': {
        const record = await this.#get(store, step.name)
        const [before] = record === undefined ? [] : this.#objects.get(record.id) ?? []
        if (record === undefined || before === undefined) return
        const value = Buffer.alloc(Math.max(before.length, step.offset + step.value.length))
        value.set(before)
        value.write(step.value, step.offset)
        await this.#stage(store, Buffer.from(step.value), 1, async (births, segments, lease) => await this.#commit(store, record.id, value, {
          lease,
          births,
          put: [next(record, { size: value.length, segments: { kind: 'splice', offset: step.offset, length: step.value.length, segments: segments.map(segment => ({ ...segment, offset: segment.offset + step.offset })) } })]
        }))
        break
      }
      case 'copy': {
        const source = await this.#get(store, step.from)
        if (source === undefined) return
        const map = await store.meta.segments(source.id, 0, source.size)
        const [value] = this.#objects.get(source.id) ?? []
        if (map === undefined || map.version !== source.version || value === undefined) return
        const put = aRecord({ attributes, parentID: store.rootID, name: mintObjectID(), size: source.size, segments: { kind: 'replace', segments: map.segments } })
        this.#names.set(step.name, { id: put.id, parent: undefined })
        this.#objects.set(put.id, [undefined])
        await this.#commit(store, put.id, value, { put: [put] })
        break
      }
      case 'delete': {
        const record = await this.#get(store, step.name)
        if (record === undefined) return
        const below = [...this.#names].filter(([, { parent }]) => parent === step.name)
        for (const [, { id }] of below) this.#objects.get(id)?.push(undefined)
        const result = await this.#commit(store, record.id, undefined, { remove: [{ id: record.id, version: record.version, subtree: record.type === 'c' }] })
        for (const [, { id }] of below) this.#objects.set(id, result.status === 'committed' ? [undefined] : this.#objects.get(id)?.slice(0, -1) ?? [])
      }
    }
  }

  async #get (store: Store, name: string): Promise<StoredRecord | undefined> {
    const known = this.#names.get(name)
    return known === undefined ? undefined : await store.meta.get(known.id)
  }

  async #write (store: Store, put: RecordPut, value: Buffer, pieces: number): Promise<void> {
    await this.#stage(store, value, pieces, async (births, segments, lease) => await this.#commit(store, put.id, value, {
      ...(births.length > 0 ? { lease, births } : {}),
      put: [{ ...put, size: value.length, inline: undefined, segments: { kind: 'replace', segments } }]
    }))
  }

  /** Puts the pieces as blobs, commits, and lets the lease go as the model does: also when something throws. */
  async #stage (store: Store, value: Buffer, pieces: number, commit: (births: BlobBirth[], segments: Segment[], lease: string) => Promise<CommitResult>): Promise<void> {
    const lease = store.lease()
    const loose = new Set<BlobID>()
    try {
      const births: BlobBirth[] = []
      const segments: Segment[] = []
      const length = Math.ceil(value.length / Math.max(1, pieces))
      for (let offset = 0; offset < value.length; offset += length) {
        const piece = value.subarray(offset, offset + length)
        const half = piece.length >> 1
        const birth = await store.blobs.put(lease.id, [piece.subarray(0, half), piece.subarray(half)]).catch((error: unknown) => {
          if ((error as { reason?: unknown }).reason === 'unavailable') return undefined
          throw error
        })
        // The lease was taken away: the operation is over, nothing has changed.
        if (birth === undefined) return
        loose.add(birth.blob)
        births.push(birth)
        segments.push({ offset, length: piece.length, blob: birth.blob, blobOffset: 0 })
      }
      const result = await commit(births, segments, lease.id)
      if (result.status === 'committed') loose.clear()
    } finally {
      lease.release([...loose])
    }
  }

  async #commit (store: Store, id: ObjectID, after: State, change: Partial<Change>): Promise<CommitResult> {
    const before = this.#objects.get(id) ?? [undefined]
    this.#objects.set(id, [...before, after])
    const result = await store.meta.commit({ expect: [], events: [{}], ...change })
    this.#objects.set(id, result.status === 'committed' ? [after] : before)
    return result
  }

  /** Removes all objects, so that what comes next is quicker to check. */
  async clear (store: Store): Promise<void> {
    for (const id of this.ids()) {
      const record = await store.meta.get(id)
      if (record !== undefined) await store.meta.commit({ expect: [], remove: [{ id, version: record.version, subtree: record.type === 'c' }], events: [] })
    }
    this.#objects.clear()
  }

  /** Compares every object with its states; from then on it must stay in the one that was found. */
  async check (store: Store): Promise<string[]> {
    const wrong: string[] = []
    for (const [id, states] of this.#objects) {
      const record = await store.meta.get(id)
      let found: State
      try {
        found = record === undefined ? undefined : await readValue(store, record)
      } catch (error) {
        wrong.push(`object ${id}: ${error instanceof Error ? error.message : String(error)}`)
        continue
      }
      if (!states.some(state => state === undefined || found === undefined ? state === found : state.equals(found))) {
        wrong.push(`object ${id} is ${found === undefined ? 'gone' : `"${found.toString()}"`}, and may be ${states.map(state => state === undefined ? 'gone' : `"${state.toString()}"`).join(' or ')}`)
      }
      states.splice(0, states.length, found)
    }
    return wrong
  }
}
