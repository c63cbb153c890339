/** The fields of children that a listing is asked for (ECL-01 to ECL-03): each as the child's own CDMI form has it, `null` where it has none. */
import { withholdsChildren } from '../../cdmi/completion.js'
import { shownName } from '../../cdmi/containers.js'
import { isObject, parseJson } from '../../cdmi/json-value.js'
import { hashItems } from '../../cdmi/metadata.js'
import type { Cdmi } from '../../cdmi/model.js'
import { attributesOf, isContainer, typeLetter } from '../../cdmi/record.js'
import { fieldsWithin, type RootPlace, type Surroundings } from '../../cdmi/representation.js'
import type { Content } from '../../cdmi/values.js'
import type { Entry, Json, JsonObject, StoredRecord } from '../../storage/contract.js'
import { jsonNames } from '../http/name-text.js'
import { onePiece } from '../http/send-content.js'
import { countChildren } from './child-list.js'
import { shown, shownStream, type ShownValue } from './object-writer.js'
import { formatRange, shownEncoding } from './read-data-object.js'

/** A name, and those of fields within it. */
export type FieldPath = readonly string[]

/** What a field is written as: a JSON text, or pieces of one that may be of any length. */
type Written = string | AsyncIterable<Uint8Array>

interface Child {
  readonly entry: Entry
  /** Undefined: it is gone. */
  readonly record: StoredRecord | undefined
  readonly content: Content | undefined
  readonly extent: number
  readonly updating: boolean
  readonly fields: JsonObject
}

/** Fields that take more than the record. */
const lookedUp: ReadonlySet<string | undefined> = new Set(['value', 'valuerange', 'children', 'childrenrange'])
/** Made by looking, and only where somebody asked: a reading of each for every child would cost. */
const accessItems: ReadonlySet<string | undefined> = new Set([undefined, 'cdmi_atime', 'cdmi_acount'])
const hashedItems: ReadonlySet<string | undefined> = new Set([undefined, ...hashItems])
const valueFields: ReadonlySet<string | undefined> = new Set(['value', 'valuerange'])
/** Shown otherwise while parts of a new value are coming (DOC-57, DOC-82). */
const updatedFields: ReadonlySet<string | undefined> = new Set([...valueFields, 'completionStatus', 'percentComplete'])

export class ChildFields {
  readonly #cdmi: Cdmi
  readonly #root: RootPlace
  readonly #version1: boolean
  readonly #paths: readonly FieldPath[]
  readonly #wantsValue: boolean
  readonly #wantsAccesses: boolean
  readonly #wantsHash: boolean
  readonly #wantsUpdates: boolean
  readonly #looksUp: boolean
  #updating: ReadonlySet<string> = new Set()

  /** `version1`: the client speaks CDMI 1.x. */
  constructor (cdmi: Cdmi, root: RootPlace, version1: boolean, paths: readonly FieldPath[]) {
    this.#cdmi = cdmi
    this.#root = root
    this.#version1 = version1
    this.#paths = paths
    const metadata = paths.filter(([name]) => name === 'metadata')
    this.#wantsValue = paths.some(([name]) => valueFields.has(name))
    this.#wantsAccesses = metadata.some(([, item]) => accessItems.has(item))
    this.#wantsHash = metadata.some(([, item]) => hashedItems.has(item))
    this.#wantsUpdates = paths.some(([name]) => updatedFields.has(name))
    this.#looksUp = paths.some(([name]) => lookedUp.has(name))
  }

  /** Whether a field is among them. */
  wants (name: string): boolean {
    return this.#paths.some(([first]) => first === name)
  }

  /** Looks up together what would cost more one by one, for children that are to be written next. */
  async prepare (records: ReadonlyArray<StoredRecord | undefined>): Promise<void> {
    if (!this.#wantsUpdates) return
    this.#updating = await this.#cdmi.partialUploads.updating(records.flatMap(record => record?.type === typeLetter.dataObject ? [record] : []))
  }

  /** The array of one child, where its record says it all; undefined: it has to be written. */
  text (entry: Entry, record: StoredRecord | undefined, surroundings: Surroundings): string | undefined {
    if (this.#wantsAccesses || this.#wantsHash || this.#looksUp) return undefined
    // How far the transfer is stands elsewhere.
    if (this.wants('percentComplete') && record !== undefined && attributesOf(record).transfer !== undefined) return undefined
    const updating = record !== undefined && this.#updating.has(record.id)
    const child = { entry, record, content: undefined, extent: 0, updating, fields: record === undefined ? {} : fieldsWithin(record, surroundings, this.#root, { generates: this.#cdmi.generates(record), updating }) }
    return `[${this.#paths.map(path => this.#plainField(child, path)).join()}]`
  }

  /** The array of one child, in pieces. */
  async * write (entry: Entry, record: StoredRecord | undefined, surroundings: Surroundings): AsyncGenerator<Written> {
    const child = await this.#child(entry, record, surroundings)
    let separator = '['
    for (const path of this.#paths) {
      yield separator
      yield await this.#field(child, path)
      separator = ','
    }
    yield ']'
  }

  async #child (entry: Entry, found: StoredRecord | undefined, surroundings: Surroundings): Promise<Child> {
    const open = this.#wantsValue && found !== undefined && !isContainer(found) ? await this.#cdmi.dataObjects.openRecord(found) : { record: found, content: undefined, extent: 0 }
    const { record, content, extent } = open ?? { record: undefined, content: undefined, extent: 0 }
    if (record === undefined) return { entry, record, content, extent, updating: false, fields: {} }
    const updating = this.#updating.has(record.id)
    const accesses = this.#wantsAccesses ? await this.#cdmi.accesses(record.id) : undefined
    const known = await this.#cdmi.knownWithin(record, surroundings.inherited, accesses, { updating, hash: this.#wantsHash })
    return { entry, record, content, extent, updating, fields: fieldsWithin(record, surroundings, this.#root, known) }
  }

  /** A field that is in the record. */
  #plainField ({ entry, record, fields }: Child, path: FieldPath): string {
    const [name, ...inner] = path
    // As the plain listing has it, whatever the child is.
    if (name === 'objectName') return JSON.stringify(inner.length === 0 ? shownName(entry) : null)
    if (name === 'valuetransferencoding' && record !== undefined && !isContainer(record)) return JSON.stringify(inner.length === 0 ? this.#encoding(record) : null)
    return JSON.stringify(within(fields, path))
  }

  async #field (child: Child, path: FieldPath): Promise<Written> {
    const { record, content, extent, updating } = child
    const [name, ...inner] = path
    if (record === undefined || !lookedUp.has(name)) return this.#plainField(child, path)
    if (isContainer(record)) {
      if (inner.length > 0) return 'null'
      if (name === 'children') return this.#names(record)
      return name === 'childrenrange' ? JSON.stringify(formatRange(0, await countChildren(this.#cdmi, record))) : 'null'
    }
    const complete = !updating && attributesOf(record).completionStatus === 'Complete'
    if (name === 'valuerange') return JSON.stringify(inner.length === 0 ? formatRange(0, complete ? extent : 0) : null)
    if (name !== 'value' || !complete || content === undefined) return 'null'
    const value = { encoding: this.#encoding(record), content }
    return inner.length === 0 ? await valueText(value) : await this.#withinValue(value, inner)
  }

  #encoding (record: StoredRecord): ShownValue['encoding'] {
    return shownEncoding(attributesOf(record).valuetransferencoding, this.#version1)
  }

  /** Part of a value that is a JSON object, unless it is too long to be parsed. */
  async #withinValue ({ encoding, content }: ShownValue, inner: FieldPath): Promise<string> {
    if (encoding !== 'json' || content.length > this.#cdmi.limits.json) return 'null'
    return JSON.stringify(within(parseJson(await content.read()), inner))
  }

  async * #names (container: StoredRecord): AsyncGenerator<Uint8Array> {
    yield Buffer.from('[')
    const write = jsonNames()
    if (!withholdsChildren(container)) for await (const page of this.#cdmi.containers.names(container, {})) yield * write(page)
    yield Buffer.from(']')
  }
}

/** A field of a field and so on; `null` when there is none. */
function within (value: Json, path: FieldPath): Json {
  let found: Json | undefined = value
  for (const name of path) {
    if (!isObject(found) || !Object.hasOwn(found, name)) return null
    found = found[name]
  }
  return found ?? null
}

async function valueText (value: ShownValue): Promise<Written> {
  const { encoding, content } = value
  const quotes = encoding === 'json' ? '' : '"'
  if (content.length <= onePiece) return quotes + Buffer.from(shown(await content.read(), encoding)).toString() + quotes
  return pieces(quotes, shownStream(value))
}

async function * pieces (quotes: string, stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield Buffer.from(quotes)
  yield * stream
  yield Buffer.from(quotes)
}
