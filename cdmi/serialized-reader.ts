/**
 * Serializations on their way in: a tree of any size, read token by token (SER-05). Values go by as streams; of the rest only what is kept of each
 * object stays in memory. The fields of an object may come in any order.
 */
import { setImmediate } from 'node:timers/promises'
import type { ValueTransferEncoding } from '../schemas/record.js'
import type { JsonObject } from '../storage/contract.js'
import { decodeBase64 } from './codecs/base64.js'
import { type JsonStream, JsonReader } from './codecs/json-reader.js'
import { InvalidJson, InvalidName, InvalidRequest, TooLarge } from './errors.js'
import { isObjectID } from './object-id.js'
import { kindOf, type ReadOptions, serializedObject, type SerializedKind, type SerializedObject } from './serialized-object.js'
import type { StagedValue, ValueSource } from './values.js'

/** Containers in containers. More is nothing that a client could have made on purpose. */
export const maxTreeDepth = 200

/** Most bytes of the fields of one object that are not its value or its children. */
const maxFields = 1024 * 1024

/** Most bytes of these fields of all objects together, as far as they are kept. */
const maxAllFields = 64 * 1024 * 1024

/** Bytes that are read in one turn of the event loop: an object takes about as long as a request. */
const inOneTurn = 16 * 1024

/** What becomes of values. */
export interface ValueIntake {
  stage (source: ValueSource): Promise<StagedValue>
  /** The bytes of one that was staged. */
  reread (staged: StagedValue): ValueSource
}

/** An object whose end has not been read. */
interface OpenObject {
  readonly fields: JsonObject
  /** Bytes of them. */
  size: number
  kind: SerializedKind | undefined
  value: FoundValue | undefined
  children: SerializedObject[] | undefined
  readonly names: Set<string>
}

/** A value, and what it was taken for: its encoding may be named behind it. */
interface FoundValue {
  readonly as: 'text' | 'bytes' | 'json'
  readonly staged: StagedValue
}

/** Reads a serialization. Throws InvalidRequest, InvalidJson, InvalidName, CapabilityMissing for what is none, TooLarge, and what the source and the intake throw. */
export async function readSerialization (source: ValueSource, intake: ValueIntake, options: ReadOptions): Promise<SerializedObject> {
  const reader = new SerializationReader(source, intake, options)
  try {
    return await reader.read()
  } finally {
    reader.release()
  }
}

/** Others have their turn while a long piece is read. */
async function * inTurns (source: ValueSource): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    yield chunk.subarray(0, inOneTurn)
    for (let at = inOneTurn; at < chunk.length; at += inOneTurn) {
      await setImmediate()
      yield chunk.subarray(at, at + inOneTurn)
    }
  }
}

class SerializationReader {
  readonly #json: JsonReader
  readonly #intake: ValueIntake
  readonly #options: ReadOptions
  /** From the topmost object down. */
  readonly #open: OpenObject[] = []
  readonly #ids = new Set<string>()
  #count = 0
  /** Bytes of fields that are in memory. */
  #size = 0

  constructor (source: ValueSource, intake: ValueIntake, options: ReadOptions) {
    this.#json = new JsonReader(inTurns(source), () => new TooLarge(`The fields of an object in the serialization, all but its value and its children, are longer than ${maxFields} bytes, the limit of this server`))
    this.#intake = intake
    this.#options = options
  }

  release (): void {
    this.#json.release()
  }

  async read (): Promise<SerializedObject> {
    try {
      return await this.#tree()
    } catch (error) {
      throw this.#placed(error)
    }
  }

  async #tree (): Promise<SerializedObject> {
    const json = this.#json
    if (!await json.begin()) throw new InvalidRequest('it is empty')
    let object = this.#begin()
    for (let first = true; ;) {
      if (await json.member(first)) {
        first = await this.#member(object)
        if (first) object = await this.#beginChild()
        continue
      }
      const done = await this.#end(object)
      const parent = this.#open.at(-1)
      if (parent === undefined) {
        await json.end()
        return done
      }
      parent.children?.push(done)
      object = parent
      first = await json.item(false)
      if (first) object = await this.#beginChild()
    }
  }

  #begin (): OpenObject {
    if (this.#open.length >= maxTreeDepth) throw new InvalidRequest(`there are more than ${maxTreeDepth} levels of containers`)
    const { treeObjects } = this.#options.limits
    if (++this.#count > treeObjects) throw new TooLarge(`The serialization has more than ${treeObjects} objects, the limit of this server (limits.treeObjects)`)
    const object: OpenObject = { fields: {}, size: 0, kind: undefined, value: undefined, children: undefined, names: new Set() }
    this.#open.push(object)
    return object
  }

  async #beginChild (): Promise<OpenObject> {
    if (!await this.#json.enter('object')) throw new InvalidRequest('"children" must be a list of serialized objects')
    return this.#begin()
  }

  /** Takes one field in. True when it was the list of children, and there is a first one. */
  async #member (object: OpenObject): Promise<boolean> {
    const json = this.#json
    const start = json.offset
    json.limit = start + maxFields - object.size
    const key = await json.key()
    if (key === 'value' ? object.value !== undefined : key === 'children' && object.children !== undefined) throw twice(key)
    if (key === 'value' && object.kind === 'container') throw new InvalidRequest('a container has no "value"')
    if (key === 'value') {
      json.limit = Infinity
      object.value = await this.#value(await json.stream(key), object.fields)
      return false
    }
    if (key === 'children' && object.kind !== 'dataobject') {
      json.limit = Infinity
      if (!await json.enter('array')) throw new InvalidRequest('"children" must be a list of serialized objects')
      object.children = []
      return await json.item(true)
    }
    if (Object.hasOwn(object.fields, key)) throw twice(key)
    object.fields[key] = await json.value(key)
    if (key === 'objectType') object.kind = kindOf(object.fields)
    if (this.#open.length === 1 && (key === 'objectType' || key === 'objectID')) this.#announce(object)
    json.limit = Infinity
    this.#grow(json.offset - start)
    object.size += json.offset - start
    return false
  }

  /** Reads what the rest of the work may have to know before the end is here. What is wrong with it is said there. */
  #announce ({ kind, fields: { objectID } }: OpenObject): void {
    if (kind !== undefined && typeof objectID === 'string' && isObjectID(objectID)) this.#options.onTop?.(kind, objectID.toUpperCase())
  }

  #grow (bytes: number): void {
    this.#size += bytes
    if (this.#size > maxAllFields) throw new TooLarge(`The metadata and the fields of all objects in the serialization are longer than ${maxAllFields} bytes, the limit of this server`)
  }

  async #value (stream: JsonStream, { valuetransferencoding }: JsonObject): Promise<FoundValue> {
    if (stream.kind !== 'string') {
      if (stream.kind === 'other') throw new InvalidRequest('"value" must be a string or, with the transfer encoding "json", an object')
      const staged = await this.#intake.stage(stream.json)
      await stream.json.drain()
      return { as: 'json', staged }
    }
    const bytes = valuetransferencoding === 'base64'
    const staged = await this.#intake.stage(bytes ? decodeBase64(stream.text) : stream.text)
    await stream.text.drain()
    return { as: bytes ? 'bytes' : 'text', staged }
  }

  async #end (object: OpenObject): Promise<SerializedObject> {
    const encoding = object.fields['valuetransferencoding'] as ValueTransferEncoding | undefined
    const value = object.value === undefined ? undefined : await this.#valueAs(object.value, encoding ?? 'utf-8')
    const top = this.#open.length === 1
    const done = serializedObject(object.fields, value, object.children, top, this.#options)
    if (this.#ids.has(done.id)) throw new InvalidRequest(`two objects have the objectID ${done.id}`)
    this.#ids.add(done.id)
    const siblings = this.#open.at(-2)?.names
    if (done.name !== undefined && siblings?.has(done.name) === true) throw new InvalidRequest('two objects of one container have the same "objectName"')
    if (done.name !== undefined) siblings?.add(done.name)
    this.#open.pop()
    this.#size -= object.size
    this.#grow(keptSize(done))
    return done
  }

  /** The same value, taken for what the encoding says. */
  async #valueAs ({ as, staged }: FoundValue, encoding: ValueTransferEncoding): Promise<StagedValue> {
    switch (encoding) {
      case 'base64':
        if (as === 'json') throw new InvalidRequest('the transfer encoding "base64" wants "value" to be a string of Base64, not an object')
        return as === 'bytes' ? staged : await this.#intake.stage(decodeBase64(this.#intake.reread(staged)))
      case 'json':
        if (as !== 'json') throw new InvalidRequest('the transfer encoding "json" wants "value" to be a JSON object')
        return staged
      default:
        if (as === 'json') throw new InvalidRequest('"value" is a JSON object, which needs the transfer encoding "json"')
        return staged
    }
  }

  /** Says where in the serialization an error is. */
  #placed (error: unknown): unknown {
    if (!(error instanceof InvalidJson || error instanceof InvalidRequest || error instanceof InvalidName)) return error
    const names = this.#open.slice(1, 12).map(({ fields }) => typeof fields['objectName'] === 'string' ? fields['objectName'].slice(0, 100).replace(/\/$/, '') : '(without a name)')
    const place = names.length === 0 ? '' : `, at "${names.join('/')}"`
    return new InvalidRequest(`The serialization cannot be used${place}: ${error.message.replace(/; nothing was changed$/, '')}; nothing was changed`)
  }
}

/** About what an object takes in memory beside its value. */
function keptSize ({ metadata, fields, name = '' }: SerializedObject): number {
  return JSON.stringify(metadata).length + JSON.stringify(fields).length + name.length
}

function twice (key: string): Error {
  return new InvalidJson(`an object has the field "${key.slice(0, 100)}" more than once`)
}
