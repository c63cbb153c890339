/** Data objects: create, read, replace, change in part, delete (HDO, and DOC's model behind it). No HTTP and no disk in sight. */
import type { RecordAttributes, ValueTransferEncoding } from '../schemas/record.js'
import type { Store, StoredRecord } from '../storage/contract.js'
import { requireAccess } from './access.js'
import { type Address, describe, objectIDRoot } from './address.js'
import { changedDataObject, encodingAfter, newDataObject } from './data-object-record.js'
import { Contention, InvalidRange, NotFound, TooLarge } from './errors.js'
import type { ObjectChange } from './mutation-gate.js'
import type { ModelContext } from './context.js'
import type { Place } from './namespace.js'
import { checkPreconditions, type Preconditions } from './preconditions.js'
import type { Principal } from './principal.js'
import { attributesOf, type CdmiObject, isContainer } from './record.js'
import { Staging } from './staging.js'
import { type ByteRange, type Content, openContents, placeRange, type PlacedValue, placeWhole, stageValue, type StagedValue, type ValueSource } from './values.js'

export interface ValueRequest {
  readonly source: ValueSource
  /** Bytes that the source will give, when announced. */
  readonly length?: number | undefined
  /** Undefined: not said. */
  readonly mimetype?: string | undefined
  /** Undefined: not said. Said only together with `mimetype`. */
  readonly valuetransferencoding?: ValueTransferEncoding | undefined
  /** The bytes go there, the rest of the value stays. Undefined: they are the whole value. */
  readonly range?: ByteRange | undefined
  /** More is to come: the object stays `Processing`, its value withheld (HDO-06, HDO-43). */
  readonly partial?: boolean | undefined
  readonly metadata?: RecordAttributes['metadata'] | undefined
  readonly preconditions?: Preconditions | undefined
}

export interface Written {
  readonly object: CdmiObject
  readonly created: boolean
}

/** What a write is aimed at: an object that is there, or the place for one that is to be made. */
type Target = (Place & { readonly record: undefined }) | { readonly record: StoredRecord, readonly ancestors: readonly StoredRecord[] }

/** What a reader wants of an object: called with the object as it is; throws to refuse (304, 412, 416), answers the ranges. */
export type Select = (object: CdmiObject) => readonly ByteRange[]

const readAttempts = 20

export class DataObjects {
  readonly #context: ModelContext
  readonly #store: Store

  constructor (context: ModelContext) {
    this.#context = context
    this.#store = context.store
  }

  /**
   * An object (a container too: `contents` is empty then) and the ranges of its value that `select` asks for, all of one moment.
   * Throws NotFound, MissingSlash, IsNotContainer, and what `select` throws.
   */
  async read (principal: Principal, address: Address, select: Select): Promise<{ object: CdmiObject, contents: Content[] }> {
    requireAccess(principal, 'read')
    for (let attempt = 0; attempt < readAttempts; attempt++) {
      const object = await this.#context.namespace.get(address)
      const ranges = select(object)
      if (isContainer(object.record)) return { object, contents: [] }
      const contents = await openContents(this.#store, object.record, ranges)
      if (contents !== undefined) return { object, contents }
    }
    throw new Contention()
  }

  /**
   * Writes a value at an address. A missing object is made when `mode` is `put` (its parent must exist) and NotFound when it is
   * `patch`. An existing one keeps its ID and its user metadata (AMB-02). Nothing is visible before all of it has arrived.
   */
  async write (principal: Principal, address: Address, mode: 'put' | 'patch', request: ValueRequest): Promise<Written> {
    requireAccess(principal, 'write')
    this.#checkLength(request)
    // A whole new value says all about itself: without a type it is bytes (CLI-21). A change in part leaves the type alone (HDO-42).
    if (mode === 'put' && request.range === undefined && request.mimetype === undefined) {
      request = { ...request, mimetype: 'application/octet-stream', valuetransferencoding: 'base64' }
    }
    const find = async (): Promise<Target> => {
      // An ID alone names no place: it can be changed, never made.
      const place = mode === 'put' && address.names.length > 0
        ? await this.#context.namespace.place(address)
        : await this.#context.namespace.get(address)
      if (address.slash) throw new NotFound(describe(address))
      return place as Target
    }
    // First without the body, so that a request that must fail does so before it sends its bytes.
    const first = await find()
    checkPreconditions(request.preconditions, first.record, false)

    const staging = new Staging(this.#store)
    try {
      const staged = await this.#stage(staging, request, first.record)
      const done = await this.#context.gate.mutate(principal, describe(address), async () => {
        const place = await find()
        checkPreconditions(request.preconditions, place.record, false)
        const { value, encoding } = await this.#place(staging, request, staged, place.record)
        const put = place.record === undefined
          ? newDataObject(this.#context.namespace.newID(), place.parent, place.name, request, value, encoding)
          : changedDataObject(place.record, request, value, encoding)
        const change: ObjectChange = { operation: place.record === undefined ? 'create' : 'modify', ancestors: place.ancestors, before: place.record, put }
        return { changes: [change], staging, births: value.births, written: { object: { record: put, ancestors: place.ancestors }, created: place.record === undefined } }
      })
      if (done === undefined) throw new Contention()
      return done.written
    } finally {
      staging.end()
    }
  }

  /** Makes a data object in a container under its own ID as name (HCO-10, HCO-11), or without a path at all (HCO-15). */
  async create (principal: Principal, container: Address | typeof objectIDRoot, request: ValueRequest): Promise<CdmiObject> {
    requireAccess(principal, 'write')
    this.#checkLength(request)
    const find = async (): Promise<CdmiObject | undefined> => container === objectIDRoot ? undefined : await this.#context.namespace.container(container)
    const first = await find()
    checkPreconditions(request.preconditions, undefined, false)
    const staging = new Staging(this.#store)
    try {
      const staged = await this.#stage(staging, request, undefined)
      const id = this.#context.namespace.newID()
      const done = await this.#context.gate.mutate(principal, first === undefined ? id : first.record.id, async () => {
        const parent = await find()
        const ancestors = parent === undefined ? [] : [...parent.ancestors, parent.record]
        const { value, encoding } = await this.#place(staging, request, staged, undefined)
        const put = newDataObject(id, parent?.record, id, request, value, encoding)
        return { changes: [{ operation: 'create' as const, ancestors, before: undefined, put }], staging, births: value.births, object: { record: put, ancestors } }
      })
      if (done === undefined) throw new Contention()
      return done.object
    } finally {
      staging.end()
    }
  }

  /** What can be known to be wrong before the first byte. */
  #checkLength ({ range, length }: ValueRequest): void {
    const limit = this.#context.limits.value
    if (range !== undefined && range.offset + range.length > limit) throw new TooLarge(`The range ends beyond ${limit} bytes, the limit of this server for a value`)
    if (length === undefined) return
    if (length > limit) throw new TooLarge(`The value is longer than ${limit} bytes, the limit of this server; nothing was stored`)
    if (range !== undefined && length !== range.length) throw new InvalidRange(`The range has ${range.length} bytes but the body has ${length}; nothing was stored`)
  }

  async #stage (staging: Staging, request: ValueRequest, before: StoredRecord | undefined): Promise<StagedValue> {
    const whole = request.range === undefined && request.partial !== true
    const declared = request.valuetransferencoding
    const kept = request.mimetype === undefined && before !== undefined ? attributesOf(before).valuetransferencoding : undefined
    return await stageValue(this.#store, staging, request.source, {
      limit: this.#context.limits.value,
      length: request.range?.length ?? request.length,
      utf8: whole && declared === 'utf-8' ? 'require' : declared === 'utf-8' || kept === 'utf-8' ? 'observe' : undefined
    })
  }

  async #place (staging: Staging, request: ValueRequest, staged: StagedValue, before: StoredRecord | undefined): Promise<{ value: PlacedValue, encoding: ValueTransferEncoding }> {
    const value = request.range === undefined ? placeWhole(staged) : await placeRange(this.#store, staging, before, staged, request.range.offset)
    return { value, encoding: encodingAfter(request, staged, value, before) }
  }
}
