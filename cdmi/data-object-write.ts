/**
 * One write of a data object, whatever door it came by: begun (may it be done at all?), its bytes staged, as many times as there are parts, and
 * committed. Nothing is visible before the commit; what fails before it, or without it, leaves nothing but garbage for the sweeper.
 */
import type { ValueTransferEncoding } from '../schemas/record.js'
import type { StoredRecord } from '../storage/contract.js'
import { requireAccess } from './access.js'
import { objectIDRoot } from './address.js'
import type { ModelContext } from './context.js'
import { requireUntouched } from './completion.js'
import type { DataObjectChange, ValueChange, Written } from './data-object-change.js'
import { changedDataObject, newDataObject } from './data-object-record.js'
import { CapabilityMissing, Contention, InvalidRequest } from './errors.js'
import { GatheredParts } from './gathered-parts.js'
import { isJsonObject } from './json-kind.js'
import { inheritedMetadata } from './metadata.js'
import type { Mutation } from './mutation.js'
import type { PartialMessage } from './partial-upload.js'
import { isFresh, planPart, requireSet } from './partial-write.js'
import type { FoundSet } from './partial-uploads.js'
import { checkParts, placeParts } from './place-parts.js'
import { checkPreconditions, type Preconditions } from './preconditions.js'
import type { Principal } from './principal.js'
import { ownerNameOf, type Room } from './quotas.js'
import { andThen } from './ready.js'
import { attributesOf } from './record.js'
import { Staging } from './staging.js'
import { Utf8Check } from './utf8.js'
import { emptyValue, keepValue, openContents, type PlacedValue, placeWhole, stagedContent, type StagedValue, stageValue, type StageOptions, type ValueSource } from './values.js'
import type { HashAlgorithm } from './value-hash.js'
import { wantedHash } from './value-hashes.js'
import { type AimedAt, aimAt, subjectOf, type WriteAim } from './write-aim.js'

/** What was seen at one moment of the object and its set. */
interface Look {
  readonly at: AimedAt
  readonly found: FoundSet | undefined
  readonly time: number
}

/** Milliseconds after which a first look is not believed any more: the commit would find it out, but later. */
const lookLasts = 100

export class DataObjectWrite {
  readonly #context: ModelContext
  readonly #principal: Principal
  readonly #aim: WriteAim
  readonly #preconditions: Preconditions | undefined
  readonly #message: PartialMessage
  readonly #staging: Staging
  readonly #id: string
  readonly #hash: HashAlgorithm | undefined
  /** Something of the object as it was decides on the change. */
  #looked = false
  /** Not used yet: the commit makes sure that it is still true, so one look is enough for a small body that nobody changes meanwhile. */
  #first: Look | undefined
  /** What was there when the write began; undefined: nothing. By the time of the commit it may have changed. */
  readonly before: StoredRecord | undefined
  /** Whether the request brings a part of a value (PUP), as far as can be known before the commit. */
  readonly isPart: boolean
  /** The parts that have come already. */
  readonly #set: StoredRecord | undefined
  /** What was above the object when the write began. */
  readonly #ancestors: readonly StoredRecord[]

  private constructor (context: ModelContext, principal: Principal, aim: WriteAim, preconditions: Preconditions | undefined, message: PartialMessage, look: Look) {
    const { at: { record: before, ancestors }, found } = look
    this.#context = context
    this.#principal = principal
    this.#aim = aim
    this.#preconditions = preconditions
    this.#message = message
    this.isPart = isPartOf(message, found)
    this.#set = found?.record
    this.#staging = new Staging(context.store)
    this.#id = context.namespace.newID()
    this.#first = look
    this.before = before
    this.#ancestors = ancestors
    // A new object's own wish is not known yet: what is inherited will do, or somebody who looks.
    this.#hash = !this.isPart && context.capabilities.has('dataobject', 'cdmi_value_hash') ? wantedHash(before && attributesOf(before).metadata, inheritedMetadata(ancestors)) : undefined
  }

  /** Throws all that can be wrong whatever the body says: access, place, preconditions; at once where nothing is to be waited for. The caller must end the write. */
  static begin (context: ModelContext, principal: Principal, aim: WriteAim, preconditions?: Preconditions, message: PartialMessage = {}): DataObjectWrite | Promise<DataObjectWrite> {
    requireAccess(principal, 'write')
    const time = performance.now()
    return andThen(aimAt(context, aim, 'acknowledged'), at => {
      requireForMessage(context, message)
      checkPreconditions(preconditions, at.record, false)
      return andThen(findSet(context, at.record, message), found => {
        requireSet(message, found)
        return new DataObjectWrite(context, principal, aim, preconditions, message, { at, found, time })
      })
    })
  }

  /** Takes bytes in; durable when it resolves. Throws CapabilityMissing before the first of them. The limit is that of values, unless `options` has a lower one. */
  async stage (source: ValueSource, options: Partial<Pick<StageOptions, 'limit' | 'length' | 'utf8'>> = {}): Promise<StagedValue> {
    // Only now is it known that an object is to be made of a value, not of another object.
    requireForAim(this.#context, this.#aim, this.before)
    const limit = this.#context.limits.value
    const asked = this.#room()
    const room = asked && await asked
    // Field by field: to spread the options costs a small write more than to check its bytes.
    const utf8 = this.isPart && !('utf8' in options) ? 'observe' as const : options.utf8
    return await stageValue(this.#context.store, this.#staging, source, { hash: this.#hash, utf8, room, length: options.length, limit: Math.min(limit, options.limit ?? limit) })
  }

  /** More than this does not fit, whatever it replaces; the commit knows exactly. */
  #room (): Promise<Room | undefined> | undefined {
    const { quotas } = this.#context
    return this.isPart ? quotas.room(this.#principal, this.#ancestors, this.#set, this.before?.size) : quotas.room(this.#principal, this.#ancestors, this.before)
  }

  /** Where the parts of a request in parts go when they are staged. */
  gather (): GatheredParts {
    return new GatheredParts(this.#context.store, this.#staging, !this.isPart)
  }

  /** Bytes that were taken in before, to be read once more: the next may be known to mean something else. */
  reread (staged: StagedValue): ValueSource {
    return stagedContent(this.#context.store, staged)
  }

  /**
   * Whether the value that is there may be said to be written so (DOC-76); throws InvalidRequest when not. The commit holds only while the object
   * is the one that was looked at.
   */
  async requireEncoding (encoding: ValueTransferEncoding): Promise<void> {
    const { before } = this
    if (before === undefined || encoding === 'base64') return
    this.#looked = true
    const [content] = await openContents(this.#context.store, before, [{ offset: 0, length: before.size }]) ?? []
    if (content === undefined) throw new Contention()
    if (encoding === 'utf-8') {
      const check = new Utf8Check()
      for await (const chunk of content.stream()) if (!check.push(chunk)) break
      if (!check.end()) throw new InvalidRequest('The value is not UTF-8, so its transfer encoding cannot be "utf-8"')
    } else if (content.length > this.#context.limits.json || !isJsonObject(await content.read())) {
      throw new InvalidRequest('The value is not a JSON object, so its transfer encoding cannot be "json"')
    }
  }

  /** Makes it all visible at once. Throws CapabilityMissing for changes that are not offered, InvalidRange for parts that overlap, TooLarge for one that ends beyond the limit. */
  async commit (change: DataObjectChange): Promise<Written> {
    if (change.value.kind === 'parts') checkParts(change.value.parts, this.#context.limits.value)
    // Most writes wait for nothing but the commit: each wait costs, also for what is there.
    const done = await this.#context.gate.mutate(this.#principal, () => subjectOf(this.#aim), () => {
      const look = this.#firstLook()
      return andThen(look?.at ?? aimAt(this.#context, this.#aim), at => this.#planned(change, at, look))
    })
    if (done === undefined) throw new Contention()
    if (!done.written.created) this.#context.accesses.note(done.written.object.record.id)
    return done.written
  }

  /** What is to be done. `look`: that at which the object was seen; undefined: it is of now. */
  #planned (change: DataObjectChange, at: AimedAt, look: Look | undefined): Planned | Promise<Planned> {
    const { record: before } = at
    requireForChange(this.#context, this.#aim, change, before)
    checkPreconditions(this.#preconditions, before, false)
    if (change.value.kind === 'keep') requireUntouched(before, subjectOf(this.#aim))
    if (this.#looked && (before?.id !== this.before?.id || before?.version !== this.before?.version)) throw new Contention()
    return andThen(look === undefined ? findSet(this.#context, before, this.#message) : look.found, found => {
      if (isPartOf(this.#message, found)) {
        return planPart(this.#context, { staging: this.#staging, id: this.#id, name: at.name ?? this.#id, ancestors: at.ancestors, before, change, message: this.#message, found, makes: this.#aim.mode !== 'patch' })
      }
      refuseInPlace(change, before)
      return andThen(this.#place(change.value, before), value => this.#withValue(change, at, value))
    })
  }

  #withValue (change: DataObjectChange, { ancestors, record: before, name }: AimedAt, value: PlacedValue): Planned {
    const encoding = change.encoding(value, before)
    const put = before === undefined
      ? newDataObject(this.#id, ancestors.at(-1), name ?? this.#id, change, value, encoding, ownerNameOf(this.#principal))
      : changedDataObject(before, { ...change, completionStatus: statusAfter(change.value, before) }, value, encoding)
    return {
      changes: [{ operation: before === undefined ? 'create' : 'modify', ancestors, before, put }],
      staging: this.#staging,
      births: value.births,
      written: { object: { record: put, ancestors }, created: before === undefined || (isFresh(before) && change.value.kind !== 'keep' && this.#aim.mode !== 'patch') }
    }
  }

  #firstLook (): Look | undefined {
    const look = this.#first
    this.#first = undefined
    return look !== undefined && performance.now() - look.time < lookLasts ? look : undefined
  }

  #place (change: ValueChange, before: StoredRecord | undefined): PlacedValue | Promise<PlacedValue> {
    switch (change.kind) {
      case 'whole': return placeWhole(change.staged)
      case 'parts': return placeParts(this.#context.store, this.#staging, change.onto === 'old' ? before : undefined, change.parts)
      case 'keep': return before === undefined ? emptyValue : keepValue(before)
    }
  }

  /** The write has ended, well or not. */
  end (): void {
    this.#staging.end()
  }
}

/** Types whose values are encrypted objects. */
const encrypted: ReadonlySet<string> = new Set(['application/cms', 'application/jose+json'])

/** A new type alone asks to encrypt or to decrypt the value that is there (DOC-71): to only name it so would be a lie about it. */
function refuseInPlace ({ value, mimetype }: DataObjectChange, before: StoredRecord | undefined): void {
  if (before === undefined || mimetype === undefined || value.kind !== 'keep') return
  const old = attributesOf(before).mimetype ?? ''
  if (mimetype !== old && [mimetype, old].some(type => encrypted.has(type.split(';', 1)[0] ?? ''))) throw new CapabilityMissing('cdmi_enc_inplace', 'this server')
}

type Planned = Mutation & { readonly written: Written }

/** The set that the message belongs to. An object that is not there has none. */
function findSet ({ partialUploads }: ModelContext, record: StoredRecord | undefined, { uploadID }: PartialMessage): Promise<FoundSet | undefined> | undefined {
  return record && partialUploads.find(record.id, uploadID)
}

/** Without an upload ID, and without more to come, only when there is something to end (PUP-01). */
function isPartOf ({ uploadID, more }: PartialMessage, found: FoundSet | undefined): boolean {
  return uploadID !== undefined || more === true || found?.state === 'open'
}

/** A value makes an object complete; one that waits for parts goes on waiting when something else of it is changed. */
function statusAfter (value: ValueChange, before: StoredRecord): string {
  return value.kind === 'keep' ? attributesOf(before).completionStatus : 'Complete'
}

/** What the message itself needs. */
function requireForMessage ({ capabilities }: ModelContext, { uploadID, more, condition, replace }: PartialMessage): void {
  if (more === true) capabilities.require('system', 'cdmi_partial')
  if (uploadID !== undefined) capabilities.require('system', 'cdmi_partial_uploadid')
  if (condition !== undefined) capabilities.require('system', 'count' in condition ? 'cdmi_partial_count' : 'cdmi_partial_range')
  if (replace !== undefined) capabilities.require('system', 'cdmi_partial_replace')
}

/** What can be known to be missing before the body is read. */
function requireForAim ({ capabilities }: ModelContext, aim: WriteAim, before: StoredRecord | undefined): void {
  if (aim.mode === 'post') {
    if (aim.container === objectIDRoot) return capabilities.require('system', 'cdmi_post_dataobject_by_ID')
    capabilities.require('container', 'cdmi_post_dataobject')
  }
  if (before === undefined) capabilities.require('container', 'cdmi_create_dataobject')
}

/** What the change itself needs. */
function requireForChange (context: ModelContext, aim: WriteAim, { value, metadata }: DataObjectChange, before: StoredRecord | undefined): void {
  const { capabilities } = context
  if (before === undefined) {
    requireForAim(context, aim, before)
    if (value.kind !== 'parts') return
    if (aim.mode === 'post' && aim.container === objectIDRoot) capabilities.require('system', 'cdmi_create_value_range_by_ID')
    else capabilities.require('container', 'cdmi_create_value_range')
    return
  }
  if (value.kind === 'whole') capabilities.require('dataobject', 'cdmi_modify_value')
  if (value.kind === 'parts') capabilities.require('dataobject', 'cdmi_modify_value_range')
  if (metadata !== undefined) capabilities.require('dataobject', 'cdmi_modify_metadata')
}
