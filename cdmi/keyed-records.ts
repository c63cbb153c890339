/** Keyed records: JSON documents by key, kept as data objects of the container `/data/` (KEY-01 to KEY-10). Shared by HTTP and sockets. */
import type { Enough, Json, JsonObject, NamePage } from '../storage/contract.js'
import type { ValueTransferEncoding } from '../schemas/record.js'
import { requireAccess } from './access.js'
import { type Address, decodeName, describe } from './address.js'
import type { Containers } from './containers.js'
import type { ModelContext } from './context.js'
import { changedDataObject, newDataObject } from './data-object-record.js'
import type { DataObjects, ReadObject, Select } from './data-objects.js'
import { Contention, InvalidJson, IsNotContainer, IsReference, KeyExists, KeyNotFound, MissingSlash, NotAKeyedRecord, NotFound, ParentNotFound, TooLarge } from './errors.js'
import { kindOfJson } from './json-kind.js'
import { isObject, parseJson } from './json-value.js'
import { mergePatch, shallowMerge } from './merge-patch.js'
import type { Mutation, ObjectChange } from './mutation.js'
import { type ListQuery, namePages } from './name-pages.js'
import { checkNewName } from './names.js'
import { checkPreconditions, type Preconditions } from './preconditions.js'
import type { Principal } from './principal.js'
import { ownerNameOf } from './quotas.js'
import type { Place } from './namespace.js'
import { andThen } from './ready.js'
import { attributesOf, type CdmiObject, isContainer, isReference, typeLetter } from './record.js'
import { removeObject } from './removal.js'
import { Staging } from './staging.js'
import { type ByteRange, type Content, openContents, type PlacedValue, placeWhole, stageValue } from './values.js'

/** The container of the keyed records, in the root container. */
export const keyedContainer = 'data'

/** How a PATCH merges: the original's shallow merge (KEY-07), or RFC 7396. */
export type MergeKind = 'shallow' | 'merge-patch'

export interface KeyedRecord {
  readonly object: CdmiObject
  /** The stored JSON text. */
  readonly content: Content
}

export class KeyedRecords {
  readonly #context: ModelContext
  readonly #containers: Containers
  readonly #dataObjects: DataObjects

  constructor (context: ModelContext, containers: Containers, dataObjects: DataObjects) {
    this.#context = context
    this.#containers = containers
    this.#dataObjects = dataObjects
  }

  /** A key as it stands in a URL (percent-encoded), checked (KEY-10). Throws InvalidName. */
  static key (segment: string): string {
    const key = decodeName(segment)
    checkNewName(key, false)
    return key
  }

  /** The keys in order, in pages of bytes; none while the container does not exist (KEY-01). */
  async list (principal: Principal, query: ListQuery = {}): Promise<AsyncIterable<NamePage>> {
    requireAccess(principal, 'read')
    const container = await this.#context.namespace.find({ from: undefined, names: [keyedContainer], slash: true }).catch((error: unknown) => {
      // References lead to other URIs, and records are at this one.
      if (error instanceof IsReference) return undefined
      throw error
    })
    return container === undefined ? nothing() : namePages(this.#context.store.meta, container.record.id, { ...query, type: typeLetter.dataObject })
  }

  /** A tag for the list of keys (weak: for the whole store): as long as it stays, the list has not changed. */
  async listTag (principal: Principal): Promise<string> {
    requireAccess(principal, 'read')
    return `W/"${await this.#context.store.meta.lastSequence()}"`
  }

  /** KEY-02. `check`: sees the object before its value is opened, and may throw (NotModified). What is there already is answered, or thrown, at once. */
  read (principal: Principal, key: string, check?: (object: CdmiObject) => void): KeyedRecord | Promise<KeyedRecord> {
    const address = addressOf(key)
    const select = (object: CdmiObject): readonly ByteRange[] => {
      if (!isJson(object)) throw new NotAKeyedRecord(key)
      check?.(object)
      return [{ offset: 0, length: object.record.size }]
    }
    return andThen(this.#readSoon(principal, key, address, select), found => this.#asKeyed(key, found))
  }

  #readSoon (principal: Principal, key: string, address: Address, select: Select): ReadObject | Promise<ReadObject> {
    const inWords = inKeyedWords(key)
    try {
      const found = this.#dataObjects.readSoon(principal, address, select)
      return found instanceof Promise ? found.catch(inWords) : found
    } catch (error) {
      return inWords(error)
    }
  }

  /** What was read, as a record: at once, unless somebody has to look first whether it is one. */
  #asKeyed (key: string, { object, contents }: ReadObject): KeyedRecord | Promise<KeyedRecord> {
    const [content] = contents
    if (content === undefined) throw new NotAKeyedRecord(key)
    const { valuetransferencoding, keyed } = attributesOf(object.record)
    return valuetransferencoding === 'json' || keyed === true ? { object, content } : this.#checked(key, object, content)
  }

  /** KEY-03: makes the record; KeyExists when the key is taken. */
  async create (principal: Principal, key: string, body: Uint8Array, preconditions?: Preconditions): Promise<KeyedRecord> {
    requireAccess(principal, 'write')
    const text = recordText(body)
    return await this.#write(principal, key, preconditions, before => {
      if (before !== undefined) throw new KeyExists(key)
      return text
    })
  }

  /** KEY-06: replaces the record; KeyNotFound when there is none. */
  async replace (principal: Principal, key: string, body: Uint8Array, preconditions?: Preconditions): Promise<KeyedRecord> {
    requireAccess(principal, 'write')
    const text = recordText(body)
    return await this.#write(principal, key, preconditions, before => {
      if (before === undefined) throw new KeyNotFound(key)
      return text
    })
  }

  /** KEY-07: merges properties into the record. */
  async merge (principal: Principal, key: string, body: Uint8Array, kind: MergeKind, preconditions?: Preconditions): Promise<KeyedRecord> {
    requireAccess(principal, 'write')
    const patch = parseJson(body)
    if (!isObject(patch)) throw new InvalidJson('PATCH takes a JSON object: its properties are merged into the record')
    return await this.#write(principal, key, preconditions, async before => {
      if (before === undefined) throw new KeyNotFound(key)
      // Before the merge, which looks at the content: RFC 9110 §13.2.1.
      checkPreconditions(preconditions, before.record, false)
      const stored = await this.#stored(key, before)
      if (!isObject(stored)) throw new InvalidJson(`The record ${key} is not a JSON object, so nothing can be merged into it; replace it with PUT`)
      return { body: textOf(kind === 'shallow' ? shallowMerge(stored, patch) : mergePatch(stored, patch)), encoding: 'json' }
    })
  }

  async #write (principal: Principal, key: string, preconditions: Preconditions | undefined, textFor: (before: CdmiObject | undefined) => RecordText | Promise<RecordText>): Promise<KeyedRecord> {
    const { gate, store } = this.#context
    const address = addressOf(key)
    const staging = new Staging(store)
    let attempts = 0
    try {
      // Most writes wait for nothing but the commit: each wait costs, also for what is there.
      const done = await gate.mutate(principal, () => describe(address), () => {
        const first = attempts++ === 0
        return andThen(this.#placeOf(principal, key, address, first), place => andThen(textFor(objectAt(place)), text => {
          checkPreconditions(preconditions, place.record, false)
          return andThen(this.#stage(staging, text.body), value => this.#planned(principal, place, text, value, staging, first))
        }))
      })
      if (done === undefined) throw new Contention()
      if (done.result.object.record.version > 1) this.#context.accesses.note(done.result.object.record.id)
      return done.result
    } finally {
      staging.end()
    }
  }

  /** What is to be done. `first`: the commit is to find out what was not looked up. */
  #planned (principal: Principal, { parent, name, ancestors, record }: Place, { body, encoding }: RecordText, staged: PlacedValue, staging: Staging, first: boolean): Planned | Promise<Planned> {
    const { namespace, partialUploads } = this.#context
    const value = encoding === 'json' ? staged : { ...staged, keyed: true as const }
    const request = { mimetype: 'application/json' }
    const put = record === undefined
      ? newDataObject(namespace.newID(), parent, name, request, value, encoding, ownerNameOf(principal))
      : changedDataObject(record, request, value, encoding)
    const change: ObjectChange = { operation: record === undefined ? 'create' : 'modify', ancestors, before: record, put }
    // Records that are written in parts by another door are rare: that there is none is only looked up when the commit says that there may be one.
    return andThen(first ? [] : partialUploads.superseded([change]), superseded => ({
      changes: [change, ...superseded],
      expect: first && record !== undefined ? [partialUploads.noneOf(put.id)] : [],
      staging,
      births: value.births,
      result: { object: { record: put, ancestors }, content: contentOf(body) }
    }))
  }

  #stage (staging: Staging, body: Uint8Array): PlacedValue | Promise<PlacedValue> {
    const { store, limits } = this.#context
    if (body.length > limits.json) throw new TooLarge(`The record is longer than ${limits.json} bytes, the limit of this server; nothing was stored`)
    if (body.length <= store.inlineLimit) return { size: body.length, inline: body, segments: { kind: 'replace', segments: [] }, births: [] }
    return stageValue(store, staging, once(body), { limit: limits.json }).then(placeWhole)
  }

  /** Deletes the record (KEY-08); KeyNotFound when there is none. */
  async remove (principal: Principal, key: string, preconditions?: Preconditions): Promise<void> {
    await removeObject(this.#context, principal, addressOf(key), preconditions, ({ record }) => {
      if (isReference(record)) throw new NotAKeyedRecord(key)
    }).catch(inKeyedWords(key))
  }

  /** The place of a key. `first`: the commit finds out what has changed meanwhile, and only then. */
  #placeOf (principal: Principal, key: string, address: Address, first: boolean): Place | Promise<Place> {
    try {
      const known = first ? this.#context.namespace.knownPlace(address) : undefined
      if (known !== undefined) return known
    } catch (error) {
      // Else the container is to be made.
      if (!(error instanceof ParentNotFound)) return inKeyedWords(key)(error)
    }
    return this.#place(principal, address, first ? 'acknowledged' : 'newest').catch(inKeyedWords(key))
  }

  /** The place of a key; the container is made when it is missing. */
  async #place (principal: Principal, address: Address, enough: Enough): Promise<Place> {
    try {
      return await this.#context.namespace.place(address, enough)
    } catch (error) {
      if (!(error instanceof ParentNotFound)) throw error
      await this.#containers.create(principal, { from: undefined, names: [keyedContainer], slash: true })
      return await this.#context.namespace.place(address)
    }
  }

  /** The JSON of a stored record. */
  async #stored (key: string, object: CdmiObject): Promise<Json> {
    if (!isJson(object)) throw new NotAKeyedRecord(key)
    const contents = await openContents(this.#context.store, object.record, [{ offset: 0, length: object.record.size }])
    // Changed meanwhile: whatever is computed from this will not be committed.
    const [content] = contents ?? [contentOf(Buffer.from('{}'))]
    return content === undefined ? {} : await this.#parse(key, content)
  }

  /** A value that another door may have written, under a JSON media type: it is a record only if it is one. */
  async #checked (key: string, object: CdmiObject, content: Content): Promise<KeyedRecord> {
    const bytes = await this.#asRecord(key, content, bytes => {
      if (kindOfJson(bytes) !== 'single') return bytes
    })
    return { object, content: contentOf(bytes) }
  }

  async #parse (key: string, content: Content): Promise<Json> {
    return await this.#asRecord(key, content, bytes => {
      const json = parseJson(bytes)
      if (typeof json === 'object' && json !== null) return json
    })
  }

  /** `take` answers undefined, or throws InvalidJson, for what is no record. */
  async #asRecord<T> (key: string, content: Content, take: (bytes: Uint8Array) => T | undefined): Promise<T> {
    if (content.length > this.#context.limits.json) throw new NotAKeyedRecord(key)
    try {
      const taken = take(await content.read())
      if (taken !== undefined) return taken
    } catch (error) {
      if (!(error instanceof InvalidJson)) throw error
    }
    throw new NotAKeyedRecord(key)
  }
}

function addressOf (key: string): Address {
  return { from: undefined, names: [keyedContainer, key], slash: false }
}

/** Whether an object is a record by its type, and its value has arrived whole. */
function isJson ({ record }: CdmiObject): boolean {
  if (isContainer(record)) return false
  const { mimetype, completionStatus } = attributesOf(record)
  if (completionStatus !== 'Complete' || mimetype === undefined) return false
  if (mimetype === 'application/json') return true
  const [type = ''] = mimetype.split(';', 1)
  return type === 'application/json' || type.endsWith('+json')
}

type Planned = Mutation & { readonly result: KeyedRecord }

const objectAt = ({ record, ancestors }: Place): CdmiObject | undefined => record && { record, ancestors }

/** The text of a record, checked, and the encoding that is true of it. */
interface RecordText {
  readonly body: Uint8Array
  readonly encoding: ValueTransferEncoding
}

/** KEY-09: an object or an array. The standard's encoding `json` is for objects only (AMB-08). */
function recordText (body: Uint8Array): RecordText {
  const kind = kindOfJson(body)
  if (kind === 'single') throw new InvalidJson('A record is a JSON object or a JSON array, not a single value')
  return { body, encoding: kind === 'object' ? 'json' : 'utf-8' }
}

/** A number that no double can hold would become `null`. */
function textOf (json: JsonObject): Buffer {
  return Buffer.from(JSON.stringify(json, (_name, value: unknown) => {
    if (typeof value === 'number' && !Number.isFinite(value)) throw new InvalidJson('The record, or what would be merged into it, has a number that is too large to be merged; replace the record with PUT')
    return value
  }))
}

/** Says errors of the namespace as the keyed door's contract has them. */
function inKeyedWords (key: string): (error: unknown) => never {
  return error => {
    if (error instanceof NotFound || error instanceof ParentNotFound || error instanceof IsNotContainer) throw new KeyNotFound(key)
    // A container or a reference of that name, made by another door. This door has no redirects: who follows one would leave it.
    if (error instanceof MissingSlash || error instanceof IsReference) throw new NotAKeyedRecord(key)
    throw error
  }
}

async function * nothing (): AsyncGenerator<never> {}

async function * once (body: Uint8Array): AsyncGenerator<Uint8Array> {
  yield body
}

function contentOf (bytes: Uint8Array): Content {
  return { offset: 0, length: bytes.length, bytes, stream: () => once(bytes), async read () { return bytes } }
}
