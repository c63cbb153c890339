/**
 * Objects made, or brought back, from a serialization (SER-13 to SER-20, DOC-37, DOC-79, COC-33, COC-34, COC-65, COC-82): begun (may it be done at
 * all?), the text read and its values staged, and committed: everything at once, or nothing.
 */
import type { JsonObject, StoredRecord } from '../storage/contract.js'
import { requireAccess } from './access.js'
import { type Address, describe, objectIDRoot } from './address.js'
import type { ModelContext } from './context.js'
import type { Written } from './data-object-write.js'
import { AlreadyExists, Contention, InvalidRequest, IsNotContainer, NotUtf8 } from './errors.js'
import { isJsonObject } from './json-value.js'
import { checkHonoured, storableMetadata } from './metadata.js'
import { checkPreconditions, type Preconditions } from './preconditions.js'
import type { Principal } from './principal.js'
import type { ReadOptions, SerializedKind, SerializedObject } from './serialized-object.js'
import { readSerialization, type ValueIntake } from './serialized-reader.js'
import { findSource, requireComplete } from './sources.js'
import { Staging } from './staging.js'
import { pruneAll, treeChanges } from './tree-changes.js'
import { openContents, stagedContent, type StagedValue, stageValue, type ValueSource } from './values.js'
import { type AimedAt, aimAt, subjectOf, type WriteAim } from './write-aim.js'

/** What is to be made or changed: `kind` is that of the request. Containers are not made by `post`. */
export interface DeserializationAim {
  readonly kind: SerializedKind
  readonly at: WriteAim
}

/** What the request says of the topmost object itself; undefined: what its serialization says. */
export interface Said {
  readonly mimetype?: string | undefined
  readonly metadata?: JsonObject | undefined
  /** Fields that the standard does not define, beside those of the serialization. */
  readonly fields?: JsonObject | undefined
}

/** Small values that may be in memory together; those beyond go to the disk at once. */
const maxInline = 16 * 1024 * 1024

export class Deserialization implements ValueIntake {
  readonly #context: ModelContext
  readonly #principal: Principal
  readonly #aim: DeserializationAim
  readonly #preconditions: Preconditions | undefined
  readonly #normalType: ReadOptions['normalType']
  readonly #staging: Staging
  #inline = 0
  #top: SerializedObject | undefined

  private constructor (context: ModelContext, principal: Principal, aim: DeserializationAim, preconditions: Preconditions | undefined, normalType: ReadOptions['normalType']) {
    this.#context = context
    this.#principal = principal
    this.#aim = aim
    this.#preconditions = preconditions
    this.#normalType = normalType
    this.#staging = new Staging(context.store)
  }

  /** Throws what can be wrong before the text is read: access, place, capability, preconditions. The caller must end it. */
  static async begin (context: ModelContext, principal: Principal, aim: DeserializationAim, normalType: ReadOptions['normalType'], preconditions?: Preconditions): Promise<Deserialization> {
    requireAccess(principal, 'write')
    const { record } = await aimedAt(context, aim)
    requireFor(context, aim, record)
    checkPreconditions(preconditions, record, false)
    return new Deserialization(context, principal, aim, preconditions, normalType)
  }

  /** Reads the text of a serialization. Nothing of it is visible yet. */
  async read (source: ValueSource): Promise<void> {
    const { kind } = this.#aim
    const top = await readSerialization(source, this, { limits: this.#context.limits, capabilities: this.#context.capabilities, normalType: this.#normalType })
    if (top.kind !== kind) throw new InvalidRequest(`The serialization is one of a ${nameOf(top.kind)}, but the request is for a ${nameOf(kind)}; nothing was changed`)
    this.#top = top
  }

  /** The same from a data object that holds it. */
  async readFrom (address: Address): Promise<void> {
    const { store } = this.#context
    for (let attempt = 0; attempt < readAttempts; attempt++) {
      const { record } = await findSource(this.#context, this.#principal, address, 'dataobject')
      requireComplete(record, describe(address))
      const [content] = await openContents(store, record, [{ offset: 0, length: record.size }]) ?? []
      if (content !== undefined) return await this.read(content.stream())
    }
    throw new Contention()
  }

  /** The value of the topmost object, when its serialization has none (SER-20). `utf8`: it is said to be UTF-8. */
  async takeValue (source: ValueSource, utf8: boolean): Promise<void> {
    const top = this.#top
    if (top === undefined) throw new InvalidRequest('The value comes before its serialization')
    if (top.value !== undefined) throw new InvalidRequest('The serialization has a "value", so there must be no part with another one; nothing was changed')
    const value = await stageValue(this.#context.store, this.#staging, source, { limit: this.#context.limits.value, utf8: 'observe' })
    const encoding = top.encoding ?? (utf8 ? 'utf-8' : 'base64')
    if (value.utf8 === false && (utf8 || encoding === 'utf-8')) throw new NotUtf8()
    if (encoding === 'json' && !await this.#isJson(value)) throw new InvalidRequest('The transfer encoding "json" wants the value to be a JSON object')
    this.#top = { ...top, value, encoding }
  }

  async #isJson (value: StagedValue): Promise<boolean> {
    if (value.size > this.#context.limits.json) return false
    const chunks: Uint8Array[] = []
    for await (const chunk of this.reread(value)) chunks.push(chunk)
    return isJsonObject(Buffer.concat(chunks))
  }

  async stage (source: ValueSource): Promise<StagedValue> {
    const value = await stageValue(this.#context.store, this.#staging, source, { limit: this.#context.limits.value })
    const { inline, size } = value
    if (inline === undefined || size === 0) return value
    if (this.#inline + size <= maxInline) {
      this.#inline += size
      // A copy: it may be a piece of a chunk that is much longer.
      return { ...value, inline: Uint8Array.from(inline) }
    }
    const birth = await this.#staging.put([inline], size)
    return { ...value, inline: undefined, segments: [{ offset: 0, length: size, blob: birth.blob, blobOffset: 0 }], births: [birth] }
  }

  reread (value: StagedValue): ValueSource {
    return stagedContent(this.#context.store, value)
  }

  /** Makes it all visible at once. Throws AlreadyExists for an ID that another object has, TooLarge for too many changes. */
  async commit (said: Said = {}): Promise<Written> {
    const read = this.#top
    if (read === undefined) throw new InvalidRequest('There is no serialization')
    const { store, limits, gate, capabilities } = this.#context
    if (said.metadata !== undefined) checkHonoured(said.metadata, capabilities, this.#aim.kind)
    const top: SerializedObject = {
      ...read,
      mimetype: said.mimetype ?? read.mimetype,
      ...(said.metadata === undefined ? {} : { metadata: storableMetadata(said.metadata, limits), template: undefined }),
      fields: { ...read.fields, ...said.fields }
    }
    let attempt = 0
    const done = await gate.mutate(this.#principal, subjectOf(this.#aim.at), async () => {
      // What is left of removed containers may be what stood in the way.
      if (attempt++ > 0) await pruneAll(store)
      const { record: before, ancestors, name } = await aimedAt(this.#context, this.#aim)
      requireFor(this.#context, this.#aim, before)
      checkPreconditions(this.#preconditions, before, false)
      if (before !== undefined && before.id !== top.id) throw new InvalidRequest(`The serialization has the objectID ${top.id}, but the object to be changed has ${before.id}; nothing was changed`)
      const { changes, births, record } = await treeChanges(this.#context, { top, before, ancestors, name })
      return { changes, births, staging: this.#staging, written: { object: { record, ancestors }, created: before === undefined } }
    })
    if (done === undefined) throw new Contention()
    if (!done.written.created) this.#context.accesses.note(top.id)
    return done.written
  }

  /** It has ended, well or not. */
  end (): void {
    this.#staging.end()
  }
}

const readAttempts = 20

function nameOf (kind: SerializedKind): string {
  return kind === 'container' ? 'container' : 'data object'
}

async function aimedAt (context: ModelContext, { kind, at }: DeserializationAim): Promise<AimedAt> {
  if (kind === 'dataobject' || at.mode === 'post') return await aimAt(context, at)
  const { namespace } = context
  const address = { ...at.address, slash: true }
  if (at.mode === 'patch' || address.names.length === 0) return { ...await namespace.container(address), name: undefined }
  return await namespace.place(address).catch((error: unknown) => {
    throw error instanceof IsNotContainer ? new AlreadyExists(`${describe({ ...address, slash: false })}, a data object,`) : error
  })
}

function requireFor ({ capabilities }: ModelContext, { kind, at }: DeserializationAim, before: StoredRecord | undefined): void {
  capabilities.require('system', 'cdmi_serialization_json')
  if (before !== undefined) {
    if (kind === 'container') capabilities.require('container', 'cdmi_modify_deserialize_container')
    else capabilities.require('dataobject', 'cdmi_modify_deserialize_dataobject')
  } else if (at.mode === 'post' && at.container === objectIDRoot) {
    capabilities.require('system', 'cdmi_deserialize_dataobject_by_ID')
  } else {
    if (at.mode === 'post') capabilities.require('container', 'cdmi_post_dataobject')
    capabilities.require('container', `cdmi_deserialize_${kind}`)
  }
}
