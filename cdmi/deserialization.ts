/**
 * Objects made, or brought back, from a serialization (SER-13 to SER-20, DOC-37, DOC-79, COC-33, COC-34, COC-65, COC-82): begun (may it be done at
 * all?), the text read and its values staged, and committed: everything at once, or nothing. What takes long is answered for before it is done, as soon as it
 * is known which object it makes (COC-36, CMV-19).
 */
import type { JsonObject, StoredRecord } from '../storage/contract.js'
import { requireAccess } from './access.js'
import { type Address, describe, objectIDRoot } from './address.js'
import { requireUntouched } from './completion.js'
import { newContainer } from './container-record.js'
import type { ModelContext } from './context.js'
import { defaultType, newDataObject } from './data-object-record.js'
import type { Written } from './data-object-change.js'
import { LocalWork, type Mark, markedContainer, type Marked, type MarkPlan, mayBeDelayed } from './delayed.js'
import { AlreadyExists, Contention, InvalidRequest, IsNotContainer, NotUtf8 } from './errors.js'
import { isJsonObject } from './json-kind.js'
import { checkHonoured, storableMetadata } from './metadata.js'
import type { Mutation } from './mutation.js'
import { checkPreconditions, type Preconditions } from './preconditions.js'
import type { Principal } from './principal.js'
import type { Room } from './quotas.js'
import { attributesOf, isContainer } from './record.js'
import { receiveRemote, remoteSources, requireValue } from './remote-content.js'
import type { ReadOptions, SerializedKind, SerializedObject } from './serialized-object.js'
import { readSerialization, type ValueIntake } from './serialized-reader.js'
import { findSource, requireComplete } from './sources.js'
import { Staging } from './staging.js'
import { inUse, pruneAll, treeChanges } from './tree-changes.js'
import { emptyValue, openContents, stagedContent, type StagedValue, stageValue, type ValueSource } from './values.js'
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

/** Bytes of a serialization in which its object is looked for before all of it is there. */
const peekedAt = 64 * 1024

const nothing: StagedValue = { size: 0, inline: new Uint8Array(0), segments: [], births: [], utf8: undefined }

/** Small values that may be in memory together; those beyond go to the disk at once. */
const maxInline = 16 * 1024 * 1024

/** Where the text is, when it did not come with the request: in a data object of this server, or behind a URI of another one. */
export type SerializationSource = Address | { readonly uri: string }

export interface DeserializeOptions {
  readonly source?: SerializationSource | undefined
  /** Nobody waits any more; of no meaning once it was answered for. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds after which it is answered for before it is done; undefined: never. */
  readonly delayedAfter?: number | undefined
}

export class Deserialization implements ValueIntake {
  readonly #context: ModelContext
  readonly #principal: Principal
  readonly #aim: DeserializationAim
  readonly #preconditions: Preconditions | undefined
  readonly #normalType: ReadOptions['normalType']
  readonly #staging: Staging
  readonly #work = new LocalWork()
  /** Of the object, once it is known. */
  readonly #id: Promise<string>
  #tellID: (id: string) => void = () => {}
  /** What is there is a data object: it is changed while the client waits (DOC-84). */
  readonly #waited: boolean
  /** There is nothing yet. */
  readonly #fresh: boolean
  /** What was above it when this began. */
  readonly #ancestors: readonly StoredRecord[]
  /** Goes on, perhaps without the request. */
  #going = false
  #inline = 0
  #top: SerializedObject | undefined

  private constructor (context: ModelContext, principal: Principal, aim: DeserializationAim, preconditions: Preconditions | undefined, normalType: ReadOptions['normalType'], { record, ancestors }: Awaited<ReturnType<typeof placeFor>>) {
    this.#id = new Promise(resolve => { this.#tellID = resolve })
    this.#waited = record !== undefined && !isContainer(record)
    this.#fresh = record === undefined
    this.#ancestors = ancestors
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
    const place = await placeFor(context, aim, preconditions)
    return new Deserialization(context, principal, aim, preconditions, normalType, place)
  }

  /** Reads the text of a serialization. Nothing of it is visible yet. */
  async read (source: ValueSource): Promise<void> {
    const { kind } = this.#aim
    const top = await readSerialization(source, this, {
      limits: this.#context.limits,
      capabilities: this.#context.capabilities,
      normalType: this.#normalType,
      onTop: (found, id) => { if (found === kind) this.#tellID(id) }
    })
    if (top.kind !== kind) throw new InvalidRequest(`The serialization is one of a ${nameOf(top.kind)}, but the request is for a ${nameOf(kind)}; nothing was changed`)
    this.#top = top
  }

  /** Opens what the text is read from, and answers what reads it. Throws what is wrong with the source. */
  async #open (source: SerializationSource, signal: AbortSignal | undefined): Promise<() => Promise<void>> {
    return 'uri' in source ? await this.#openRemote(source.uri, signal) : await this.#openLocal(source)
  }

  async #openLocal (address: Address): Promise<() => Promise<void>> {
    const { store } = this.#context
    for (let attempt = 0; attempt < readAttempts; attempt++) {
      const { record } = await findSource(this.#context, this.#principal, address, 'dataobject')
      requireComplete(record, describe(address))
      const [content] = await openContents(store, record, [{ offset: 0, length: record.size }]) ?? []
      if (content !== undefined) return async () => { await this.read(this.#watched(content.stream(), record.size)) }
    }
    throw new Contention()
  }

  /** All of it is fetched before any of it is read: it may come in a form of which the end must be known. */
  async #openRemote (uri: string, signal: AbortSignal | undefined): Promise<() => Promise<void>> {
    const sources = remoteSources(this.#context, 'cdmi_object_copy_from_remote')
    this.#context.capabilities.require('system', 'cdmi_object_copy_from_remote')
    const remote = await sources.open(uri, signal)
    const { signal: unwanted } = this.#work
    return async () => {
      const close = (): void => { remote.close() }
      unwanted.addEventListener('abort', close)
      try {
        this.#work.measure = () => remote.length === undefined || remote.length === 0 ? undefined : remote.received / remote.length / 2
        const { staged } = requireValue(await receiveRemote(this.#context, remote, this.#staging, { value: true, ranged: false, hash: undefined, watch: source => this.#peeked(source) }))
        await this.read(this.#watched(stagedContent(this.#context.store, staged), staged.size, 0.5))
      } finally {
        unwanted.removeEventListener('abort', close)
        remote.close()
      }
    }
  }

  /** The same bytes. Which object they are about is told as soon as that can be seen, if it stands near their beginning, as it does in what servers write. */
  async * #peeked (source: ValueSource): AsyncGenerator<Uint8Array> {
    let head: Uint8Array | undefined = new Uint8Array(0)
    for await (const chunk of source) {
      if (head !== undefined) {
        head = Buffer.concat([head, chunk])
        if (await this.#tells(head) || head.length > peekedAt) head = undefined
      }
      yield chunk
    }
  }

  /** Whether the beginning of a serialization says which object it is about. */
  async #tells (head: Uint8Array): Promise<boolean> {
    let told = false
    const onTop = (kind: SerializedKind, id: string): void => {
      told = true
      if (kind === this.#aim.kind) this.#tellID(id)
    }
    const { limits, capabilities } = this.#context
    const discarding: ValueIntake = {
      async stage (source) {
        const chunks = source[Symbol.asyncIterator]()
        while ((await chunks.next()).done !== true);
        return nothing
      },
      reread: staged => stagedContent(this.#context.store, staged)
    }
    // It has no end yet. What is wrong with it is said when it is read.
    await readSerialization((async function * () { yield head })(), discarding, { limits, capabilities, normalType: this.#normalType, onTop }).catch(() => {})
    return told
  }

  /** The same bytes; it is seen how many have gone by, and they end when nobody wants them any more. `before`: what was done before, of 1. */
  async * #watched (source: ValueSource, size: number, before = 0): AsyncGenerator<Uint8Array> {
    let read = 0
    this.#work.measure = () => size === 0 ? undefined : before + (1 - before) * read / size
    for await (const chunk of source) {
      this.#work.check()
      read += chunk.length
      yield chunk
    }
  }

  /** The value of the topmost object, when its serialization has none (SER-20). `utf8`: it is said to be UTF-8. */
  async takeValue (source: ValueSource, utf8: boolean): Promise<void> {
    const top = this.#top
    if (top === undefined) throw new InvalidRequest('The value comes before its serialization')
    if (top.value !== undefined) throw new InvalidRequest('The serialization has a "value", so there must be no part with another one; nothing was changed')
    const value = await stageValue(this.#context.store, this.#staging, source, { limit: this.#context.limits.value, utf8: 'observe', room: await this.#room() })
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

  /** For one value; the commit adds up those of all. What is there already may belong to others. */
  async #room (): Promise<Room | undefined> {
    return this.#fresh ? await this.#context.quotas.room(this.#principal, this.#ancestors) : undefined
  }

  async stage (source: ValueSource): Promise<StagedValue> {
    const value = await stageValue(this.#context.store, this.#staging, source, { limit: this.#context.limits.value, room: await this.#room() })
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

  /**
   * Makes it all visible at once, or answers before that, when it takes long. Throws AlreadyExists for an ID that another object has, TooLarge for too
   * many changes, and what is wrong with the source.
   */
  async make (said: Said, { source, signal, delayedAfter }: DeserializeOptions = {}): Promise<Written> {
    if (said.metadata !== undefined) {
      checkHonoured(said.metadata, this.#context.capabilities, this.#aim.kind)
      storableMetadata(said.metadata, this.#context.limits)
    }
    const read = source === undefined ? undefined : await this.#open(source, signal)
    if (this.#top !== undefined) this.#tellID(this.#top.id)
    let marks = 0
    this.#going = true
    return await mayBeDelayed(this.#context, {
      principal: this.#principal,
      delayedAfter: this.#waited ? undefined : delayedAfter,
      work: this.#work,
      id: this.#id,
      mark: async token => {
        if (marks++ > 0) await pruneAll(this.#context.store)
        return await this.#mark(said, await this.#id, token)
      },
      run: async mark => {
        await read?.()
        return await this.#commit(said, mark)
      },
      end: () => { this.#staging.end() }
    })
  }

  async #mark (said: Said, id: string, transfer: string): Promise<MarkPlan | undefined> {
    const { namespace, store, limits } = this.#context
    const { record: before, ancestors, name } = await placeFor(this.#context, this.#aim, this.#preconditions)
    if (before !== undefined) return before.id === id ? markedContainer({ record: before, ancestors }, transfer) : undefined
    if (namespace.reserves(id) || (await store.meta.lineage(id)).length > 0) throw inUse(id)
    const { mimetype = defaultType, metadata, fields } = said
    const about = { metadata: metadata === undefined ? undefined : () => storableMetadata(metadata, limits), fields: () => fields ?? {}, completionStatus: 'Processing', transfer }
    const parent = ancestors.at(-1)
    const put = this.#aim.kind === 'container' && parent !== undefined ? newContainer(id, parent, name ?? id, about) : newDataObject(id, parent, name ?? id, { ...about, mimetype }, emptyValue, 'utf-8')
    return { changes: [{ operation: 'create', ancestors, before, put }], written: { object: { record: put, ancestors }, created: true } }
  }

  async #commit (said: Said, mark: Mark): Promise<Written> {
    const read = this.#top
    if (read === undefined) throw new InvalidRequest('There is no serialization')
    const { store, limits, gate } = this.#context
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
      const marked = await mark.find()
      this.#work.check()
      if (marked !== undefined) return await this.#completion(top, marked)
      const { record: before, ancestors, name } = await placeFor(this.#context, this.#aim, this.#preconditions)
      if (before !== undefined && before.id !== top.id) throw new InvalidRequest(`The serialization has the objectID ${top.id}, but the object to be changed has ${before.id}; nothing was changed`)
      const { changes, births, record } = await treeChanges(this.#context, { top, before, ancestors, name })
      return { changes, births, staging: this.#staging, written: { object: { record, ancestors }, created: before === undefined } }
    })
    if (done === undefined) throw new Contention()
    if (!done.written.created) this.#context.accesses.note(top.id)
    return done.written
  }

  /** What was answered for, done: an object that was made for it, or one that is there. */
  async #completion (top: SerializedObject, { object: { record, ancestors }, ended }: Marked): Promise<Mutation & { readonly written: Written }> {
    const created = attributesOf(record).completionStatus !== 'Complete'
    const { changes, births, record: put } = await treeChanges(this.#context, { top, ...(created ? { before: undefined, pending: record } : { before: record }), ancestors, name: record.name })
    return { changes: [...changes, ...ended], births, staging: this.#staging, written: { object: { record: put, ancestors }, created } }
  }

  /** The request has ended, well or not. */
  end (): void {
    if (!this.#going) this.#staging.end()
  }
}

const readAttempts = 20

function nameOf (kind: SerializedKind): string {
  return kind === 'container' ? 'container' : 'data object'
}

/** What the work is aimed at, when it may be done. Throws CapabilityMissing, PreconditionFailed, NotComplete. */
async function placeFor (context: ModelContext, aim: DeserializationAim, preconditions: Preconditions | undefined): Promise<AimedAt> {
  const at = await aimedAt(context, aim)
  requireFor(context, aim, at.record)
  checkPreconditions(preconditions, at.record, false)
  requireUntouched(at.record, subjectOf(aim.at))
  return at
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
