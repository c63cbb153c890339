/** Containers: create and list (HCO). Deleting is the same for every object: see removal. */
import type { Entry, Store, StoredRecord } from '../storage/contract.js'
import { requireAccess } from './access.js'
import { type Address, describe } from './address.js'
import type { ModelContext } from './context.js'
import type { Written } from './data-objects.js'
import { AlreadyExists, Contention } from './errors.js'
import { now } from './instant.js'
import { checkPreconditions, type Preconditions } from './preconditions.js'
import type { Principal } from './principal.js'
import { type CdmiObject, isContainer, toStored, typeLetter } from './record.js'

export interface ListQuery {
  /** Only names after this one, in the order of their UTF-8 bytes. */
  readonly after?: string | undefined
  /** Only names that begin with this. */
  readonly prefix?: string | undefined
  /** At most so many; undefined: all. */
  readonly limit?: number | undefined
}

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

  /** Makes a container; one that exists already stays as it is (AMB-22, CLI-20). A data object of that name is AlreadyExists. */
  async create (principal: Principal, address: Address, preconditions?: Preconditions): Promise<Written> {
    requireAccess(principal, 'write')
    const id = this.#context.namespace.newID()
    const plan = async () => {
      if (address.names.length === 0) {
        const object = await this.#context.namespace.get(address)
        checkPreconditions(preconditions, object.record, false)
        return { changes: [], written: { object, created: false } }
      }
      const place = await this.#context.namespace.place({ ...address, slash: true }).catch((error: unknown) => {
        if (error instanceof Error && 'code' in error && error.code === 'CDMI_IS_NOT_CONTAINER') throw new AlreadyExists(`${describe({ ...address, slash: false })}, a data object,`)
        throw error
      })
      checkPreconditions(preconditions, place.record, false)
      if (place.record !== undefined) return { changes: [], written: { object: { record: place.record, ancestors: place.ancestors }, created: false } }
      const put = newContainer(id, place.parent, place.name)
      return {
        changes: [{ operation: 'create' as const, ancestors: place.ancestors, before: undefined, put }],
        written: { object: { record: put, ancestors: place.ancestors }, created: true }
      }
    }
    const done = await this.#context.gate.mutate(principal, describe(address), plan)
    if (done === undefined) throw new Contention()
    return done.written
  }

  /** The children of a container. Throws NotFound, IsNotContainer before the first page. */
  async list (principal: Principal, address: Address, query: ListQuery = {}): Promise<Listing> {
    requireAccess(principal, 'read')
    const object = await this.#context.namespace.container(address)
    return { object, pages: this.pages(object.record, query) }
  }

  /** The same for a record already found and allowed. */
  async * pages (container: StoredRecord, { after, prefix, limit = Infinity }: ListQuery): AsyncGenerator<readonly Entry[]> {
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
}

function newContainer (id: string, parent: StoredRecord, name: string): StoredRecord & { segments: { kind: 'keep' } } {
  const instant = now()
  return {
    id,
    version: 1,
    type: typeLetter.container,
    parentID: parent.id,
    name,
    size: 0,
    inline: undefined,
    segments: { kind: 'keep' },
    attributes: toStored({ metadata: {}, completionStatus: 'Complete', created: instant, modified: instant })
  }
}

/** True for entries of listings that are containers: their names are shown with a slash. */
export function isContainerEntry (entry: Entry): boolean {
  return entry.type === typeLetter.container
}

export { isContainer }
