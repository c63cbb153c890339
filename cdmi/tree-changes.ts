/**
 * What must change for a tree to be as its serialization says (SER-14, SER-18, CMV-12): objects made, changed, brought back to their places, and
 * removed, all in one mutation.
 */
import { setImmediate } from 'node:timers/promises'
import type { BlobBirth, Store, StoredRecord } from '../storage/contract.js'
import { completedRecord } from './completion.js'
import { changedContainer, type ContainerPut, newContainer } from './container-record.js'
import type { ModelContext } from './context.js'
import { changedDataObject, type DataObjectPut, defaultType, newDataObject } from './data-object-record.js'
import { AlreadyExists, Contention, InvalidRequest, TooLarge } from './errors.js'
import type { ObjectChange } from './mutation.js'
import { checkNewName } from './names.js'
import { attributesOf, isContainer, typeLetter } from './record.js'
import { newReference } from './reference-record.js'
import type { SerializedObject } from './serialized-object.js'
import { emptyValue, keepValue, placeWhole } from './values.js'

export interface TreePlace {
  readonly top: SerializedObject
  /** What is there now, under the same ID; undefined: nothing. */
  readonly before: StoredRecord | undefined
  /** What stands for a new object while it is made. */
  readonly pending?: StoredRecord | undefined
  /** From the top of the store down to the parent. */
  readonly ancestors: readonly StoredRecord[]
  /** Of an object that is made; undefined: its ID. */
  readonly name: string | undefined
}

export interface TreeChanges {
  readonly changes: readonly ObjectChange[]
  readonly births: readonly BlobBirth[]
  /** Of the topmost object, as it will be. */
  readonly record: StoredRecord
}

const pageSize = 1000

/** Objects that are looked at in one turn of the event loop. */
const atOnce = 100

/** Throws AlreadyExists for IDs that other objects have, TooLarge for more changes than one operation may make. */
export async function treeChanges (context: ModelContext, place: TreePlace): Promise<TreeChanges> {
  return await new TreePlan(context, place).make()
}

/** Clears up what is left of removed containers: as long as it is there, its IDs are taken. */
export async function pruneAll ({ meta }: Store): Promise<void> {
  while (await meta.prune(pageSize) > 0);
}

/** The object that has an ID, behind all that is above it; undefined: none has it, not even one that is left of a removed container. */
export async function lineageOf (store: Store, id: string): Promise<readonly StoredRecord[] | undefined> {
  if (await store.meta.get(id) === undefined) return undefined
  const lineage = await store.meta.lineage(id)
  if (lineage.length > 0) return lineage
  await pruneAll(store)
  return await store.meta.get(id) === undefined ? undefined : await store.meta.lineage(id)
}

/** An object on its way into the tree. */
interface Step {
  readonly object: SerializedObject
  readonly before: StoredRecord | undefined
  readonly pending?: StoredRecord | undefined
  readonly ancestors: readonly StoredRecord[]
  readonly name: string | undefined
}

class TreePlan {
  readonly #context: ModelContext
  readonly #place: TreePlace
  /** Of all objects of the serialization. */
  readonly #ids = new Set<string>()
  readonly #changes: ObjectChange[] = []
  readonly #births: BlobBirth[] = []
  #looks = 0

  constructor (context: ModelContext, place: TreePlace) {
    this.#context = context
    this.#place = place
  }

  async make (): Promise<TreeChanges> {
    const { top, before, pending, ancestors, name } = this.#place
    await this.#noteIDs(top)
    if (before === undefined && pending === undefined) await this.#existing(top)
    const record = await this.#put({ object: top, before, pending, ancestors, name: before === undefined ? name ?? top.id : before.name })
    const steps: Step[] = await this.#below(top, before, [...ancestors, record])
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
      await this.#pause()
      const made = await this.#put(step)
      if (step.object.children !== undefined) for (const next of await this.#below(step.object, step.before, [...step.ancestors, made])) steps.push(next)
    }
    const { partialUploads } = this.#context
    const made = this.#changes.flatMap(({ before, put }) => before === undefined && put?.type === typeLetter.dataObject ? [put.id] : [])
    return { changes: [...this.#changes, ...await partialUploads.superseded(this.#changes), ...await partialUploads.discardOf(made)], births: this.#births, record }
  }

  async #noteIDs (top: SerializedObject): Promise<void> {
    const left = [top]
    for (let object = left.pop(); object !== undefined; object = left.pop()) {
      this.#ids.add(object.id)
      if (object.children !== undefined) for (const child of object.children) left.push(child)
      await this.#pause()
    }
  }

  /** The children of a container, last first; what it has beside them is removed. `chain`: down to the container, as it will be. */
  async #below ({ children }: SerializedObject, before: StoredRecord | undefined, chain: readonly StoredRecord[]): Promise<Step[]> {
    if (children === undefined) return []
    const container = chain.at(-1)
    if (before !== undefined) await this.#removeOthers(before.id, chain)
    const steps: Step[] = []
    for (const child of children.toReversed()) {
      if (container !== undefined && child.name !== undefined) checkNewName(child.name, this.#context.namespace.isRoot(container))
      steps.push({ object: child, before: await this.#existing(child), ancestors: chain, name: child.name })
    }
    return steps
  }

  /**
   * The object that has the ID now: it must be somewhere in the tree that is to be changed, and comes back to its place. Throws AlreadyExists when
   * it is anywhere else: no two objects may have one ID.
   */
  async #existing (object: SerializedObject): Promise<StoredRecord | undefined> {
    const { namespace, store } = this.#context
    const { id } = object
    await this.#pause()
    if (namespace.reserves(id)) throw inUse(id)
    const lineage = await lineageOf(store, id)
    if (lineage === undefined) return undefined
    const record = lineage.at(-1)
    if (record === undefined) throw new Contention()
    const { before } = this.#place
    if (before === undefined || !lineage.some(one => one.id === before.id)) throw inUse(id)
    if (record.type !== letterOf(object)) throw new InvalidRequest(`The object ${id} is of another type than its serialization says; nothing was changed`)
    return record
  }

  /** Removes the children that the serialization does not know, all that is below them included. */
  async #removeOthers (id: string, chain: readonly StoredRecord[]): Promise<void> {
    const { meta } = this.#context.store
    let after: string | undefined
    for (;;) {
      const page = await meta.children(id, { after, limit: pageSize })
      for (const entry of page) {
        await this.#pause()
        const record = this.#ids.has(entry.id) ? undefined : await meta.get(entry.id)
        if (record === undefined || record.parentID !== id) continue
        this.#change({ operation: 'delete', ancestors: chain, before: record, remove: { id: record.id, version: record.version, subtree: isContainer(record) } })
      }
      if (page.length < pageSize) return
      after = page.at(-1)?.name
    }
  }

  async #put ({ object, before, pending, ancestors, name }: Step): Promise<StoredRecord> {
    const made = this.#putOf(object, before, ancestors, name ?? '')
    const put = pending === undefined ? made : completedRecord(pending, made)
    const making = object.reference === undefined ? 'create' : 'reference'
    this.#change({ operation: before === undefined && pending === undefined ? making : 'modify', ancestors, before: before ?? pending, put })
    return put
  }

  #putOf (object: SerializedObject, before: StoredRecord | undefined, ancestors: readonly StoredRecord[], name: string): DataObjectPut | ContainerPut {
    if (object.reference !== undefined) {
      this.#context.capabilities.require('system', 'cdmi_references')
      const put = newReference(object.id, letterOf(object), ancestors.at(-1), name, object.reference)
      return before === undefined ? put : { ...put, version: before.version + 1 }
    }
    return object.kind === 'container' ? containerPut(object, before, ancestors, name) : this.#dataObjectPut(object, before, ancestors, name)
  }

  #dataObjectPut (object: SerializedObject, before: StoredRecord | undefined, ancestors: readonly StoredRecord[], name: string): DataObjectPut {
    const { capabilities } = this.#context
    const { value, encoding = 'utf-8', mimetype = defaultType, metadata, fields } = object
    if (encoding === 'json') capabilities.require('system', 'cdmi_valuetransferencoding_json')
    const said = { mimetype, metadata: () => metadata, fields: () => fields, template: { name: object.template } }
    for (const birth of value?.births ?? []) this.#births.push(birth)
    if (before === undefined) {
      // Nothing is no JSON object.
      const shown = value === undefined && encoding === 'json' ? 'utf-8' : encoding
      return newDataObject(object.id, ancestors.at(-1), name, { ...said, completionStatus: object.completionStatus }, value === undefined ? emptyValue : placeWhole(value), shown)
    }
    if (value !== undefined) return placedIn(ancestors, name, changedDataObject(before, { ...said, completionStatus: object.completionStatus }, placeWhole(value), encoding))
    // The value stays, and all that is true of it.
    const { valuetransferencoding = 'base64', completionStatus, transfer } = attributesOf(before)
    return placedIn(ancestors, name, changedDataObject(before, { ...said, completionStatus, transfer }, keepValue(before), valuetransferencoding))
  }

  /** Others have their turn while much is looked at. */
  async #pause (): Promise<void> {
    if (++this.#looks % atOnce === 0) await setImmediate()
  }

  #change (change: ObjectChange): void {
    const { treeObjects } = this.#context.limits
    if (this.#changes.length >= treeObjects) throw new TooLarge(`More than ${treeObjects} objects would have to be changed, the limit of this server (limits.treeObjects); nothing was changed`)
    this.#changes.push(change)
  }
}

function containerPut ({ id, metadata, fields, template }: SerializedObject, before: StoredRecord | undefined, ancestors: readonly StoredRecord[], name: string): ContainerPut {
  const change = { metadata: () => metadata, fields: () => fields, template: { name: template } }
  if (before !== undefined) return placedIn(ancestors, name, changedContainer(before, { ...change, completionStatus: 'Complete', transfer: null, failure: null }))
  const parent = ancestors.at(-1)
  if (parent === undefined) throw new InvalidRequest('A container is made in another one')
  return newContainer(id, parent, name, change)
}

/** The same record, in its place in the tree. */
function placedIn<P extends StoredRecord> (ancestors: readonly StoredRecord[], name: string, put: P): P {
  const parent = ancestors.at(-1)
  return parent === undefined ? put : { ...put, parentID: parent.id, name }
}

function letterOf ({ kind, reference }: SerializedObject): string {
  if (reference !== undefined) return kind === 'container' ? typeLetter.containerReference : typeLetter.reference
  return kind === 'container' ? typeLetter.container : typeLetter.dataObject
}

/** Why an object cannot have an ID. */
export function inUse (id: string): Error {
  return new AlreadyExists(`Nothing was changed: another object with the objectID ${id}`)
}
