/**
 * Containers made of others with all that is below them, or made like others (CMV-28 to CMV-31, COC-26 to COC-29, COC-66): one commit. What is
 * copied is the source as it was at one moment; when one of its objects changes before the commit, all is read again. A copy that takes long is answered for before
 * it is done (COC-36, CMV-19).
 */
import { type RecordHead, type Store, type StoredRecord, type TreeQuery, TreeTooLarge } from '../storage/contract.js'
import { eachInTurns } from '../storage/in-turns.js'
import { requireAccess } from './access.js'
import { type Address, describe } from './address.js'
import { completedRecord, requireUntouched } from './completion.js'
import { changedContainer, newContainer } from './container-record.js'
import type { ModelContext } from './context.js'
import { valueOfRecord } from './copied-value.js'
import { copiedFields, copiedMetadata, takes } from './copy-selection.js'
import type { Copy } from './data-object-copy.js'
import { newDataObject } from './data-object-record.js'
import type { Written } from './data-object-change.js'
import { LocalWork, markedContainer, mayBeDelayed } from './delayed.js'
import { Contention, SourceUnusable, TooLarge } from './errors.js'
import { storableMetadata } from './metadata.js'
import type { ObjectChange } from './mutation.js'
import { freePlace } from './free-place.js'
import { checkNewName } from './names.js'
import type { Place } from './namespace.js'
import { checkPreconditions, type Preconditions } from './preconditions.js'
import type { Principal } from './principal.js'
import { ownerNameOf } from './quotas.js'
import { attributesOf, type CdmiObject, isContainer, isReference, typeLetter } from './record.js'
import { newReference } from './reference-record.js'
import { carriedFields, carriedMetadata, findSource, requireComplete } from './sources.js'

/** Levels of containers in containers that are copied: what an event says of an object's path grows with them. */
const deepest = 200
/** Bytes of the metadata and fields of all objects of a tree together: they are in memory. */
const maxAttributes = 128 * 1024 * 1024

export interface ContainerCopyOptions {
  readonly preconditions?: Preconditions | undefined
  /** Milliseconds after which it is answered for before it is done; undefined: never. */
  readonly delayedAfter?: number | undefined
}

/** Makes a container at a free place. Throws AlreadyExists, ParentNotFound, SourceUnusable, TooLarge, CapabilityMissing. */
export async function copyContainer (context: ModelContext, principal: Principal, address: Address, copy: Copy, { preconditions, delayedAfter }: ContainerCopyOptions = {}): Promise<Written> {
  requireAccess(principal, 'write')
  if (copy.said.metadata !== undefined) storableMetadata(copy.said.metadata, context.limits)
  const id = context.namespace.newID()
  const work = new LocalWork()

  async function place (): Promise<Place> {
    const at = await freePlace(context, address, preconditions)
    requireForCopy(context)
    return at
  }

  return await mayBeDelayed(context, {
    principal,
    delayedAfter,
    work,
    id: Promise.resolve(id),
    async mark (transfer) {
      if (await context.store.meta.get(id) !== undefined) return undefined
      const { ancestors, parent, name } = await place()
      const { record: source } = await containerSource(context, principal, copy, ancestors)
      const put = newContainer(id, parent, name, { ...changeOf(context, source, copy), completionStatus: 'Processing', transfer })
      return { changes: [{ operation: 'create', ancestors, before: undefined, put }], written: { object: { record: put, ancestors }, created: true } }
    },
    async run (mark) {
      const done = await context.gate.mutate(principal, describe(address), async () => {
        const marked = await mark.find()
        work.check()
        const { ancestors, parent, name } = marked === undefined ? await place() : placeOfMarked(marked.object)
        const { tree, expect } = await readSource(context, principal, copy, ancestors)
        const [source] = tree
        const made = newContainer(id, parent, name, changeOf(context, source, copy))
        const put = marked === undefined ? made : completedRecord(marked.object.record, made)
        const below = await copiesBelow(context, tree, { top: put, chain: [...ancestors, put], owner: ownerNameOf(principal) }, work)
        return {
          changes: [{ operation: marked === undefined ? 'create' as const : 'modify' as const, also: 'copy' as const, ancestors, before: marked?.object.record, put }, ...below, ...marked?.ended ?? []],
          expect,
          written: { object: { record: put, ancestors }, created: true }
        }
      })
      if (done === undefined) throw new Contention()
      return done.written
    },
    end () {}
  })
}

/** Makes a container that is there like the source; it keeps its ID and its place. Throws NotFound, NotComplete, and what `copyContainer` throws. */
export async function replaceContainer (context: ModelContext, principal: Principal, address: Address, copy: Copy, { preconditions, delayedAfter }: ContainerCopyOptions = {}): Promise<Written> {
  requireAccess(principal, 'write')
  const { selection, said } = copy
  if (said.metadata !== undefined) storableMetadata(said.metadata, context.limits)
  const work = new LocalWork()
  const id = (await container()).record.id

  async function container (): Promise<CdmiObject> {
    const object = await context.namespace.container(address)
    requireForCopy(context)
    if (takes(selection, 'metadata') || said.metadata !== undefined) context.capabilities.require('container', 'cdmi_modify_metadata')
    checkPreconditions(preconditions, object.record, false)
    requireUntouched(object.record, describe(address))
    return object
  }

  return await mayBeDelayed(context, {
    principal,
    delayedAfter,
    work,
    id: Promise.resolve(id),
    async mark (token) {
      const object = await container()
      await containerSource(context, principal, copy, [...object.ancestors, object.record])
      return object.record.id === id ? markedContainer(object, token) : undefined
    },
    async run (mark) {
      const done = await context.gate.mutate(principal, describe(address), async () => {
        const marked = await mark.find()
        work.check()
        const { record: before, ancestors } = marked?.object ?? await container()
        const chain = [...ancestors, before]
        const { tree, expect } = await readSource(context, principal, copy, chain)
        const old = takes(selection, 'children') ? await childrenOf(context, before) : []
        requireRoom(context, tree.length + old.length)
        const [source] = tree
        // With its children it is whole, also when it was never made (COC-38).
        const put = changedContainer(before, { ...changeOf(context, source, copy), transfer: null, failure: null, ...(takes(selection, 'children') ? { completionStatus: 'Complete' } : {}) })
        const removals = old.map((child): ObjectChange => ({ operation: 'delete', ancestors: chain, before: child, remove: { id: child.id, version: child.version, subtree: isContainer(child) } }))
        return {
          changes: [{ operation: 'modify' as const, ancestors, before, put }, ...removals, ...await copiesBelow(context, tree, { top: put, chain: [...ancestors, put], owner: ownerNameOf(principal) }, work), ...marked?.ended ?? []],
          expect,
          written: { object: { record: put, ancestors }, created: false }
        }
      })
      if (done === undefined) throw new Contention()
      context.accesses.note(done.written.object.record.id)
      return done.written
    },
    end () {}
  })
}

function placeOfMarked ({ record, ancestors }: CdmiObject): Pick<Place, 'ancestors' | 'parent' | 'name'> {
  const parent = ancestors.at(-1)
  if (parent === undefined || record.name === undefined) throw new Contention()
  return { ancestors, parent, name: record.name }
}

/** Throws TooLarge. */
async function treeOf ({ meta }: Store, id: string, query: Omit<TreeQuery, 'size'>): Promise<RecordHead[]> {
  try {
    return await meta.tree(id, { ...query, size: maxAttributes })
  } catch (error) {
    throw error instanceof TreeTooLarge ? new TooLarge(`The metadata and the fields of the objects that would be made or removed are longer than ${maxAttributes} bytes, all together, the limit of this server; nothing was changed`) : error
  }
}

function requireForCopy ({ capabilities }: ModelContext): void {
  capabilities.require('system', 'cdmi_object_copy_from_local')
  capabilities.require('container', 'cdmi_copy_container')
}

function changeOf ({ limits }: ModelContext, source: RecordHead, { selection, said }: Copy): NonNullable<Parameters<typeof newContainer>[3]> {
  return { metadata: copiedMetadata(source, selection, said, limits), fields: copiedFields(source, selection, said) }
}

async function childrenOf ({ store, limits }: ModelContext, container: StoredRecord): Promise<RecordHead[]> {
  const [, ...children] = await treeOf(store, container.id, { types: typeLetter.container, depth: 1, limit: limits.treeObjects + 2 })
  return children
}

interface SourceTree {
  /** The source itself first. */
  readonly tree: readonly [RecordHead, ...RecordHead[]]
  readonly expect: readonly RecordHead[]
}

/** The container to be copied. `chain`: the destination and all above it, which it must not be one of (CMV-31). */
async function containerSource (context: ModelContext, principal: Principal, { source: address }: Copy, chain: readonly StoredRecord[]): Promise<CdmiObject> {
  const object = await findSource(context, principal, address, 'container')
  const { record } = object
  if (chain.some(({ id }) => id === record.id)) throw new SourceUnusable(`The source ${describe(address)} is the destination itself, or a container above it`)
  requireComplete(record, describe(address))
  return object
}

/** All of it. */
async function readSource (context: ModelContext, principal: Principal, copy: Copy, chain: readonly StoredRecord[]): Promise<SourceTree> {
  const { store, limits } = context
  const { source: address, selection } = copy
  const { record, ancestors } = await containerSource(context, principal, copy, chain)
  const below = takes(selection, 'children') ? { depth: deepest + 1, limit: limits.treeObjects + 1 } : { depth: 0, limit: 1 }
  const [top, ...rest] = await treeOf(store, record.id, { types: typeLetter.container, ...below })
  if (top === undefined) throw new SourceUnusable(`The source ${describe(address)} does not exist`)
  requireRoom(context, rest.length + 1)
  // Data objects need no mention: a value is copied at its version or not at all.
  return { tree: [top, ...rest], expect: [...ancestors, top, ...rest.filter(({ type }) => type !== typeLetter.dataObject)] }
}

function requireRoom ({ limits: { treeObjects } }: ModelContext, objects: number): void {
  if (objects > treeObjects) throw new TooLarge(`This would make or remove more than ${treeObjects} objects at once, the limit of this server (limits.treeObjects); nothing was changed`)
}

/** Where the copy of a tree hangs. */
interface CopyPlace {
  /** The copy of its top. */
  readonly top: StoredRecord
  /** From the top of the store down to that. */
  readonly chain: readonly StoredRecord[]
  /** Who makes it. */
  readonly owner: string
}

/** The copies of all that is below the top of a tree. */
async function copiesBelow ({ namespace }: ModelContext, [source, ...below]: SourceTree['tree'], { top, chain, owner }: CopyPlace, work: LocalWork): Promise<ObjectChange[]> {
  const made = new Map([[source.id, { record: top, chain }]])
  const changes: ObjectChange[] = []
  work.measure = () => changes.length / (below.length + 1)
  await eachInTurns(below, head => {
    work.check()
    const parent = made.get(head.parentID ?? '')
    // A tree has parents before their children.
    if (parent === undefined) throw new Contention()
    // Some names are free anywhere but in the root container.
    if (parent.record === top && head.name !== undefined) checkNewName(head.name, namespace.isRoot(top))
    const put = copyOf(namespace.newID(), parent.record, head, owner)
    if (isContainer(head)) {
      if (parent.chain.length - chain.length >= deepest) throw new TooLarge(`The source has more than ${deepest} containers in each other, more than are copied at once; nothing was changed`)
      made.set(head.id, { record: put, chain: [...parent.chain, put] })
    }
    changes.push({ operation: 'create', ancestors: parent.chain, before: undefined, put })
  })
  return changes
}

function copyOf (id: string, parent: StoredRecord, head: RecordHead, owner: string): StoredRecord & Pick<NonNullable<ObjectChange['put']>, 'segments'> {
  const name = head.name ?? id
  if (isReference(head)) return newReference(id, head.type, parent, name, attributesOf(head).reference ?? '/', owner)
  const said = { metadata: () => carriedMetadata(head), fields: () => carriedFields(head) }
  requireComplete(head, `has the ${isContainer(head) ? 'container' : 'data object'} "${name}", which`)
  if (isContainer(head)) return newContainer(id, parent, name, said, owner)
  const { mimetype, valuetransferencoding = 'base64' } = attributesOf(head)
  return newDataObject(id, parent, name, { mimetype, ...said }, valueOfRecord(head), valuetransferencoding, owner)
}
