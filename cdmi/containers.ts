/** Containers: create and list (HCO). Deleting is the same for every object: see removal. */
import type { Entry, NamePage, Store, StoredRecord } from '../storage/contract.js'
import { requireAccess } from './access.js'
import { type Address, describe } from './address.js'
import { walkChildren, type WalkStep } from './child-walk.js'
import { requireUntouched } from './completion.js'
import { changedContainer, type ContainerChange, newContainer } from './container-record.js'
import type { ModelContext } from './context.js'
import type { Written } from './data-object-change.js'
import { AlreadyExists, Contention, InvalidRequest, IsNotContainer, NotFound } from './errors.js'
import type { Mutation } from './mutation.js'
import { type ListQuery, namePages } from './name-pages.js'
import type { Place } from './namespace.js'
import { checkPreconditions, type Preconditions } from './preconditions.js'
import type { Principal } from './principal.js'
import { ownerNameOf } from './quotas.js'
import { attributesOf, type CdmiObject, hasSlash, isContainer, isReference } from './record.js'

export interface Listing {
  readonly object: CdmiObject
  /** Children in pages, ordered by the UTF-8 bytes of their names. Each page is of one moment; memory holds one page. */
  readonly pages: AsyncIterable<readonly Entry[]>
}

const pageSize = 1000

export class Containers {
  readonly #context: ModelContext
  readonly #store: Store

  constructor (context: ModelContext) {
    this.#context = context
    this.#store = context.store
  }

  /**
   * Makes a container; one that exists already stays as it is (AMB-22, CLI-20), but for what `change` says of it (V1-04). A data object of that
   * name is AlreadyExists.
   */
  async create (principal: Principal, address: Address, preconditions?: Preconditions, change?: ContainerChange): Promise<Written> {
    requireAccess(principal, 'write')
    const id = this.#context.namespace.newID()
    const done = await this.#context.gate.mutate(principal, describe(address), async () => {
      const { record, ancestors, name } = await this.#place(address)
      checkPreconditions(preconditions, record, false)
      if (record !== undefined) return this.#changed({ record, ancestors }, change, describe(address))
      this.#context.capabilities.require('container', 'cdmi_create_container')
      const parent = ancestors.at(-1)
      if (parent === undefined) throw new NotFound(describe(address))
      const put = newContainer(id, parent, name, change, ownerNameOf(principal))
      return {
        changes: [{ operation: 'create' as const, ancestors, before: undefined, put }],
        written: { object: { record: put, ancestors }, created: true }
      }
    })
    if (done === undefined) throw new Contention()
    return done.written
  }

  /**
   * The container, or undefined when there is nothing. Throws MissingSlash; for an object of another kind InvalidRequest when it is addressed as what
   * it is (GEN-11), AlreadyExists when as a container.
   */
  async find (principal: Principal, address: Address): Promise<CdmiObject | undefined> {
    requireAccess(principal, 'read')
    const object = await this.#context.namespace.find(address).catch(inTheWay(address))
    if (object !== undefined && !isContainer(object.record)) throw new InvalidRequest(`${describe(address)} is a data object; its Content-Type is application/cdmi-object`)
    return object
  }

  /** Changes a container that exists (COC-59 to COC-61). Throws NotFound, MissingSlash, IsNotContainer. */
  async update (principal: Principal, address: Address, change: ContainerChange, preconditions?: Preconditions): Promise<Written> {
    requireAccess(principal, 'write')
    const done = await this.#context.gate.mutate(principal, describe(address), async () => {
      const object = await this.#context.namespace.container(address)
      checkPreconditions(preconditions, object.record, false)
      return this.#changed(object, change, describe(address))
    })
    if (done === undefined) throw new Contention()
    this.#context.accesses.note(done.written.object.record.id)
    return done.written
  }

  #changed (object: CdmiObject, change: ContainerChange | undefined, shown: string): Mutation & { readonly written: Written } {
    if (change?.metadata === undefined && change?.fields === undefined) return { changes: [], written: { object, created: false } }
    if (change.metadata !== undefined) this.#context.capabilities.require('container', 'cdmi_modify_metadata')
    const { record, ancestors } = object
    if (attributesOf(record).completionStatus !== 'Complete') requireUntouched(record, shown)
    const put = changedContainer(record, { ...change, failure: null })
    return {
      changes: [{ operation: 'modify', ancestors, before: record, put }],
      written: { object: { record: put, ancestors }, created: false }
    }
  }

  async #place (address: Address): Promise<Pick<Place, 'ancestors' | 'record' | 'name'>> {
    const { namespace } = this.#context
    if (address.names.length === 0) return { ...await namespace.get({ ...address, slash: true }), name: '' }
    return await namespace.place({ ...address, slash: true }).catch(inTheWay(address))
  }

  /** The children of a container. Throws NotFound, IsNotContainer before the first page. */
  async list (principal: Principal, address: Address, query: ListQuery = {}): Promise<Listing> {
    requireAccess(principal, 'read')
    const object = await this.#context.namespace.container(address)
    this.#context.accesses.note(object.record.id)
    return { object, pages: this.pages(object.record, query) }
  }

  /** The same for a record already found and allowed. */
  async * pages (container: Pick<StoredRecord, 'id'>, { after, prefix, limit = Infinity }: ListQuery): AsyncGenerator<readonly Entry[]> {
    let left = limit
    while (left > 0) {
      const size = Math.min(pageSize, left)
      const page = await this.#store.meta.children(container.id, { after, prefix, limit: size })
      if (page.length > 0) yield page
      if (page.length < size) return
      left -= page.length
      after = page.at(-1)?.name
    }
  }

  /** The names of the same, in bytes. */
  names (container: Pick<StoredRecord, 'id'>, query: ListQuery): AsyncGenerator<NamePage> {
    return namePages(this.#store.meta, container.id, query)
  }

  /** These children, and all that is below them (ECL-04). */
  walk (children: AsyncIterable<readonly Entry[]>): AsyncGenerator<readonly WalkStep[]> {
    return walkChildren(children, async (container, after) => await this.#store.meta.children(container, { after, limit: pageSize }))
  }

  /** The records of children, in one snapshot; undefined for those that are gone. For some at a time. */
  async records (children: readonly Entry[]): Promise<ReadonlyArray<StoredRecord | undefined>> {
    return await this.#store.meta.getMany(children.map(({ id }) => id))
  }
}

/** The name of a container that is meant belongs to a data object, or to a reference to one. */
function inTheWay (address: Address): (error: unknown) => never {
  return error => {
    if (error instanceof IsNotContainer) throw new AlreadyExists(`${describe({ ...address, slash: false })}, which is no container,`)
    throw error
  }
}

/** The name of a child as listings show it: containers end in a slash, references in a question mark (COC-51). */
export function shownName (entry: Pick<Entry, 'name' | 'type'>): string {
  return `${entry.name}${hasSlash(entry) ? '/' : ''}${isReference(entry) ? '?' : ''}`
}
