/**
 * Objects written down as text (SER-01, SER-02, SER-05 to SER-07): each as a CDMI read shows it, its value or its children, whole, last. A tree is
 * walked as its text is taken: memory holds one page of names for each level, and a value not at all.
 *
 * Each object is as it was at one moment, all of it; the tree is not: what is changed meanwhile is there as it was before or after. No object is
 * there twice, wherever it is moved.
 */
import { setImmediate } from 'node:timers/promises'
import type { Entry, JsonObject, StoredRecord } from '../storage/contract.js'
import { encodeBase64, encodeBytes } from './codecs/base64.js'
import { escapeBytes, escapeJsonString } from './codecs/json-string.js'
import { objectIDRoot } from './address.js'
import type { Capabilities } from './capabilities.js'
import type { ModelContext } from './context.js'
import { Contention, InvalidRequest } from './errors.js'
import type { Known } from './metadata.js'
import { attributesOf, type CdmiObject, isContainer, isReference } from './record.js'
import { fieldsOf, fieldsWithin, rawPath, type RootPlace } from './representation.js'
import { maxTreeDepth } from './serialized-reader.js'
import { carriedMetadata } from './sources.js'
import { type Content, openContents } from './values.js'
import type { WriteAim } from './write-aim.js'

export interface SerializationParts {
  readonly context: ModelContext
  readonly root: RootPlace
  /** What is shown of an object beside its record. */
  readonly known: (object: CdmiObject) => Promise<Known>
}

/** Names that are looked up at once. */
const pageSize = 1000
/** Characters of text that are handed on at once, when they come in small pieces. */
const chunkSize = 64 * 1024
/** Values up to so many bytes are read in one piece. */
const smallValue = 64 * 1024
const readAttempts = 20
/** Objects that are written in one turn of the event loop. */
const atOnce = 100

/** A container whose children are being written. */
interface OpenContainer {
  readonly chain: readonly StoredRecord[]
  readonly entries: AsyncIterator<Entry>
  first: boolean
}

/** The text of an object and of all below it. Throws InvalidRequest for trees that are too deep, Contention, and what the store throws. */
export function serializationOf (parts: SerializationParts, top: CdmiObject): AsyncGenerator<Uint8Array> {
  return new Serializer(parts).text(top)
}

/** An object as it was at one moment. */
interface Opened {
  readonly object: CdmiObject
  /** Undefined: there is none, or it is withheld. */
  readonly content: Content | undefined
}

class Serializer {
  readonly #parts: SerializationParts
  readonly #open: OpenContainer[] = []
  /** As many as could be made again: an object that is moved meanwhile is met in its old place and in its new one. */
  readonly #written = new Set<string>()
  #pending = ''

  constructor (parts: SerializationParts) {
    this.#parts = parts
  }

  async * text (top: CdmiObject): AsyncGenerator<Uint8Array> {
    const opened = await this.#opened(top)
    if (opened === undefined) throw new InvalidRequest('The source was removed while it was read; nothing was changed')
    yield * this.#object(opened)
    let steps = 0
    for (let container = this.#open.at(-1); container !== undefined; container = this.#open.at(-1)) {
      // Others have their turn while many are written.
      if (++steps % atOnce === 0) await setImmediate()
      const { done, value: entry } = await container.entries.next()
      if (done === true) {
        this.#pending += ']}'
        this.#open.pop()
        continue
      }
      const child = await this.#child(container, entry)
      if (child === undefined) continue
      this.#pending += container.first ? '' : ','
      container.first = false
      yield * this.#object(child)
    }
    yield * this.#flush(0)
  }

  /** The object of an entry; undefined when it is not there any more. */
  async #child ({ chain }: OpenContainer, { id, name }: Entry): Promise<Opened | undefined> {
    const record = this.#written.has(id) ? undefined : await this.#parts.context.store.meta.get(id)
    if (record === undefined || record.name !== name || record.parentID !== chain.at(-1)?.id) return undefined
    return await this.#opened({ record, ancestors: chain })
  }

  /** A whole data object, or a container up to its children, which are left to be written. */
  async * #object (opened: Opened): AsyncGenerator<Uint8Array> {
    const { record } = opened.object
    if (this.#written.size <= this.#parts.context.limits.treeObjects) this.#written.add(record.id)
    if (isContainer(record)) await this.#container(opened.object)
    else if (isReference(record)) this.#pending += referenceText(opened.object, this.#parts.root)
    else yield * this.#dataObject(opened)
    yield * this.#flush(chunkSize)
  }

  async #container (object: CdmiObject): Promise<void> {
    if (this.#open.length >= maxTreeDepth) throw new InvalidRequest(`There are more than ${maxTreeDepth} levels of containers; a serialization must not have more`)
    const { meta } = this.#parts.context.store
    const firstPage = await meta.children(object.record.id, { limit: pageSize })
    let count = firstPage.length
    if (count === pageSize) for await (const page of this.#pages(object.record.id, firstPage.at(-1)?.name)) count += page.length
    this.#pending += `${await this.#fields(object)},"childrenrange":"${count === 0 ? '' : `0-${count - 1}`}","children":[`
    this.#open.push({ chain: [...object.ancestors, object.record], entries: this.#entries(object.record.id, firstPage), first: true })
  }

  async * #entries (id: string, firstPage: readonly Entry[]): AsyncGenerator<Entry, undefined> {
    yield * firstPage
    if (firstPage.length < pageSize) return
    for await (const page of this.#pages(id, firstPage.at(-1)?.name)) yield * page
  }

  async * #pages (id: string, after: string | undefined): AsyncGenerator<readonly Entry[]> {
    for (;;) {
      await setImmediate()
      const page = await this.#parts.context.store.meta.children(id, { after, limit: pageSize })
      yield page
      if (page.length < pageSize) return
      after = page.at(-1)?.name
    }
  }

  async * #dataObject ({ object, content }: Opened): AsyncGenerator<Uint8Array> {
    const { valuetransferencoding: encoding = 'base64' } = attributesOf(object.record)
    this.#pending += `${await this.#fields(object)},"valuetransferencoding":"${encoding}"`
    if (content === undefined) {
      // Withheld, as from any reader.
      this.#pending += ',"valuerange":""}'
      return
    }
    const quotes = encoding === 'json' ? '' : '"'
    this.#pending += `,"valuerange":"${content.length === 0 ? '' : `0-${content.length - 1}`}","value":${quotes}`
    if (content.length <= smallValue) {
      const bytes = await content.read()
      const shown = encoding === 'json' ? bytes : encoding === 'base64' ? encodeBytes(bytes) : escapeBytes(bytes)
      this.#pending += Buffer.from(shown.buffer, shown.byteOffset, shown.byteLength).toString()
    } else {
      yield * this.#flush(0)
      const bytes = content.stream()
      yield * encoding === 'json' ? bytes : encoding === 'base64' ? encodeBase64(bytes) : escapeJsonString(bytes)
    }
    this.#pending += `${quotes}}`
  }

  /** The record and the value of one moment; undefined when the object is gone from its place. */
  async #opened ({ record: found, ancestors }: CdmiObject): Promise<Opened | undefined> {
    const { store } = this.#parts.context
    let record = found
    for (let attempt = 0; attempt < readAttempts; attempt++) {
      const object = { record, ancestors }
      if (isContainer(record) || isReference(record) || attributesOf(record).completionStatus !== 'Complete') return { object, content: undefined }
      const [content] = await openContents(store, record, [{ offset: 0, length: record.size }]) ?? []
      if (content !== undefined) return { object, content }
      const now = await store.meta.get(record.id)
      if (now === undefined || now.name !== found.name || now.parentID !== found.parentID) return undefined
      record = now
    }
    throw new Contention()
  }

  /** Without the brace at the end. */
  async #fields (object: CdmiObject): Promise<string> {
    const { record, ancestors } = object
    const { root, known } = this.#parts
    // What is there is whole, also where parts of a new value are coming.
    const shown = { ...await known(object), updating: false }
    const above = ancestors.at(-1)
    // Only the topmost has what it inherits (SER-06): below it, that is inherited again.
    const fields = this.#open.length === 0 || above === undefined
      ? fieldsOf(object, root, shown)
      : fieldsWithin(record, { parent: { parentURI: rawPath(ancestors), parentID: above.id }, inherited: {} }, root, shown)
    return JSON.stringify(fields).slice(0, -1)
  }

  /** What has come together, when it is more than `least`. */
  * #flush (least: number): Generator<Uint8Array> {
    if (this.#pending.length <= least) return
    yield Buffer.from(this.#pending)
    this.#pending = ''
  }
}

/** A reference has nothing but its place and its target (GEN-47). */
function referenceText (object: CdmiObject, root: RootPlace): string {
  const { objectType, objectID, objectName, parentURI, parentID } = fieldsOf(object, root)
  return JSON.stringify({ objectType, objectID, objectName, parentURI, parentID, reference: attributesOf(object.record).reference })
}

/** Throws CapabilityMissing when no such object may be serialized there. */
export function requireSerialization (capabilities: Capabilities, at: WriteAim, { record }: CdmiObject): void {
  capabilities.require('system', 'cdmi_serialization_json')
  const kind = isContainer(record) ? 'container' : 'dataobject'
  if (at.mode === 'post' && at.container === objectIDRoot) capabilities.require('system', `cdmi_serialize_${kind}_to_ID`)
  else capabilities.require('container', `cdmi_serialize_${kind}`)
}

/** About the one object that it was set on, beside what no copy takes over. */
const notCarried = /^cdmi_(?:versioning$|versions_|enc_)/

/** Metadata of an object that its serialization has, where the request gives it none (CMV-04, SER-12). */
export function serializedMetadata (record: StoredRecord): JsonObject {
  return Object.fromEntries(Object.entries(carriedMetadata(record)).filter(([name]) => !notCarried.test(name)))
}
