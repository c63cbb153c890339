/** Data objects: create, read, replace, change in part, delete (HDO, and DOC's model behind it). No HTTP and no disk in sight. */
import type { Accesses, Store, StoredRecord } from '../storage/contract.js'
import { requireAccess } from './access.js'
import type { Address, objectIDRoot } from './address.js'
import { encodingAfter } from './data-object-record.js'
import type { Written } from './data-object-change.js'
import { DataObjectWrite } from './data-object-write.js'
import type { ValueRequest } from './data-object-change.js'
import { Contention, InvalidRange, TooLarge } from './errors.js'
import type { ModelContext } from './context.js'
import type { PartialMessage } from './partial-upload.js'
import type { Preconditions } from './preconditions.js'
import type { Principal } from './principal.js'
import { andThen } from './ready.js'
import { attributesOf, type CdmiObject, isContainer } from './record.js'
import { type ByteRange, type Content, inlineContents, openContents, type StageOptions, writtenExtent } from './values.js'
import type { WriteAim } from './write-aim.js'

/** What a reader wants of an object: called with the object as it is; throws to refuse (304, 412, 416), answers the ranges. */
export type Select = (object: CdmiObject) => readonly ByteRange[]

export interface ReadObject {
  readonly object: CdmiObject
  readonly contents: Content[]
  readonly extent: number
  readonly accesses: Accesses | undefined
  /** Parts of a new value are coming (DOC-82). */
  readonly updating: boolean
}

/** `described`: what is looked up beside the value. */
export interface ReadOptions {
  readonly described?: boolean
}

type Beside = Pick<ReadObject, 'accesses' | 'updating'>

const nothingBeside: Beside = { accesses: undefined, updating: false }

export interface OpenRecord {
  readonly record: StoredRecord
  readonly content: Content
  /** Bytes of the value up to its first gap. */
  readonly extent: number
}

const readAttempts = 20

export class DataObjects {
  readonly #context: ModelContext
  readonly #store: Store

  constructor (context: ModelContext) {
    this.#context = context
    this.#store = context.store
  }

  /**
   * An object (a container too: `contents` is empty then) and the ranges of its value that `select` asks for, all of one moment. `extent`, when
   * `described`: bytes of the value up to its first gap (DOC-56); `accesses`: those before this one; `updating` is looked up.
   * Throws NotFound, MissingSlash, IsNotContainer, CapabilityMissing, and what `select` throws.
   */
  async read (principal: Principal, address: Address, select: Select, options: ReadOptions = {}): Promise<ReadObject> {
    return await this.readSoon(principal, address, select, options)
  }

  /** The same, without a promise where there is nothing to wait for: most small values are there already. Then it throws, too. */
  readSoon (principal: Principal, address: Address, select: Select, options: ReadOptions = {}): ReadObject | Promise<ReadObject> {
    requireAccess(principal, 'read')
    const known = this.#context.namespace.known(address)
    return (known && this.#shortValue(known, select, options)) ?? this.#read(known, address, select, options)
  }

  /** `known`: what is there, where that has been found out. */
  async #read (known: CdmiObject | undefined, address: Address, select: Select, options: ReadOptions): Promise<ReadObject> {
    for (let attempt = 0; attempt < readAttempts; attempt++) {
      const object = attempt === 0 ? known ?? await this.#context.namespace.get(address, false, 'acknowledged') : await this.#context.namespace.get(address)
      const ranges = this.#select(object, select)
      const contents = isContainer(object.record) ? [] : await openContents(this.#store, object.record, ranges)
      if (contents === undefined) continue
      const extent = options.described === true ? await writtenExtent(this.#store, object.record) : object.record.size
      if (extent === undefined) continue
      const { accesses, updating } = options.described === true ? await this.#besides(object.record) : nothingBeside
      this.#context.accesses.note(object.record.id)
      return { object, contents, extent, accesses, updating }
    }
    throw new Contention()
  }

  /** A value that came with its record. */
  #shortValue (object: CdmiObject, select: Select, { described }: ReadOptions): ReadObject | Promise<ReadObject> | undefined {
    const { id, size, inline } = object.record
    if (inline === undefined) return undefined
    const contents = inlineContents(inline, this.#select(object, select))
    return andThen(described === true ? this.#besides(object.record) : nothingBeside, ({ accesses, updating }) => {
      this.#context.accesses.note(id)
      return { object, contents, extent: size, accesses, updating }
    })
  }

  #select (object: CdmiObject, select: Select): readonly ByteRange[] {
    const ranges = select(object)
    if (ranges.length > 0 && !isContainer(object.record)) this.#context.capabilities.require('dataobject', 'cdmi_read_value')
    return ranges
  }

  /** Two look-ups that do not wait for each other. */
  #besides (record: StoredRecord): Beside | Promise<Beside> {
    const updating = isContainer(record) ? false : this.#context.partialUploads.isUpdating(record)
    if (updating instanceof Promise) return this.#besidesLater(record, updating)
    return andThen(this.#context.accesses.of(record.id), accesses => ({ accesses, updating }))
  }

  /** Async: what is thrown at once rejects, too, so that no look-up is left without anybody who waits for it. */
  async #besidesLater (record: StoredRecord, asked: Promise<boolean>): Promise<Beside> {
    const [updating, accesses] = await Promise.all([asked, (async () => await this.#context.accesses.of(record.id))()])
    return { accesses, updating }
  }

  /**
   * The value of an object whose record was read before, or of what has become of it meanwhile: then the answer has another record. Undefined when the
   * object is gone.
   */
  async openRecord (record: StoredRecord): Promise<OpenRecord | undefined> {
    let found: StoredRecord | undefined = record
    for (let attempt = 0; found !== undefined && attempt < readAttempts; attempt++) {
      const [content] = await openContents(this.#store, found, [{ offset: 0, length: found.size }]) ?? []
      const extent = content === undefined ? undefined : await writtenExtent(this.#store, found)
      if (content !== undefined && extent !== undefined) return { record: found, content, extent }
      found = await this.#store.meta.get(record.id)
    }
    if (found === undefined) return undefined
    throw new Contention()
  }

  /**
   * Writes a value at an address. A missing object is made when `mode` is `put` (its parent must exist) and NotFound when it is
   * `patch`. An existing one keeps its ID and its user metadata (AMB-02). Nothing is visible before all of it has arrived.
   */
  async write (principal: Principal, address: Address, mode: 'put' | 'patch', request: ValueRequest): Promise<Written> {
    return await this.#write(principal, { mode, address }, request)
  }

  /** Makes a data object in a container under its own ID as name (HCO-10, HCO-11), or without a path at all (HCO-15). */
  async create (principal: Principal, container: Address | typeof objectIDRoot, request: ValueRequest): Promise<Written> {
    return await this.#write(principal, { mode: 'post', container }, request)
  }

  /** A write in steps, for doors that learn what it is about while they read it; at once, and throws so, where nothing is to be waited for. */
  begin (principal: Principal, aim: WriteAim, preconditions?: Preconditions, partial?: PartialMessage): DataObjectWrite | Promise<DataObjectWrite> {
    return DataObjectWrite.begin(this.#context, principal, aim, preconditions, partial)
  }

  async #write (principal: Principal, aim: WriteAim, given: ValueRequest): Promise<Written> {
    requireAccess(principal, 'write')
    this.#checkLength(given)
    // First without the body, so that a request that must fail does so before it sends its bytes.
    const write = await this.begin(principal, aim, given.preconditions, given.partial)
    try {
      const request = aim.mode === 'put' && !write.isPart ? withType(given) : given
      const { range } = request
      const staged = await write.stage(request.source, this.#stageOptions(request, write))
      return await write.commit({
        mimetype: request.mimetype,
        saidEncoding: request.valuetransferencoding,
        value: range === undefined ? { kind: 'whole', staged } : { kind: 'parts', onto: 'old', parts: [{ at: range.offset, staged }] },
        encoding: (value, before) => encodingAfter(request, staged, value, before)
      })
    } finally {
      write.end()
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

  #stageOptions (request: ValueRequest, { before, isPart }: DataObjectWrite): Partial<StageOptions> {
    if (isPart) return { length: request.range?.length ?? request.length }
    const whole = request.range === undefined
    const declared = request.valuetransferencoding
    const kept = request.mimetype === undefined && before !== undefined ? attributesOf(before).valuetransferencoding : undefined
    return {
      length: request.range?.length ?? request.length,
      utf8: whole && declared === 'utf-8' ? 'require' : declared === 'utf-8' || kept === 'utf-8' ? 'observe' : undefined
    }
  }
}

/** A whole new value says all about itself: without a type it is bytes (CLI-21). A change in part leaves the type alone (HDO-42). */
function withType (request: ValueRequest): ValueRequest {
  if (request.range !== undefined || request.mimetype !== undefined) return request
  return { ...request, mimetype: 'application/octet-stream', valuetransferencoding: 'base64' }
}
