/**
 * One part of a value that arrives in parts (PUP): into its set, or, when it is the last, with all others into the object. Either is one commit, so
 * that parts which come at once lose nothing, and an object has its old value or the new one.
 */
import type { ValueTransferEncoding } from '../schemas/record.js'
import type { BlobBirth, JsonObject, StoredRecord } from '../storage/contract.js'
import type { ModelContext } from './context.js'
import { changedDataObject, type DataObjectPut, encodingSeen, newDataObject } from './data-object-record.js'
import type { DataObjectChange, ValueChange, Written } from './data-object-change.js'
import { applyEdit, type Edit, editBetween } from './edit.js'
import { InvalidRequest, TooLarge } from './errors.js'
import type { Mutation, ObjectChange } from './mutation.js'
import { addPart, agreedTerms, emptyLedger, endOf, isFulfilled, type Ledger, type PartialMessage, replaces, runsOf } from './partial-upload.js'
import type { FoundSet, UploadSet } from './partial-uploads.js'
import { completeValue, placeInSet } from './partial-value.js'
import type { PlacedPart } from './place-parts.js'
import { attributesOf } from './record.js'
import type { Staging } from './staging.js'
import { emptyValue, keepValue, type PlacedValue, type StagedValue } from './values.js'

export interface PartialWrite {
  readonly staging: Staging
  /** Of the object, when it is to be made. */
  readonly id: string
  readonly name: string
  readonly ancestors: readonly StoredRecord[]
  readonly before: StoredRecord | undefined
  readonly change: DataObjectChange
  readonly message: PartialMessage
  /** The set as the store has it. */
  readonly found: FoundSet | undefined
  /** PATCH never makes an object, so that it never answers that it did (HDO-45). */
  readonly makes: boolean
}

/** Throws InvalidRequest for a message that contradicts its set, InvalidRange for parts that overlap, TooLarge. */
export async function planPart (context: ModelContext, write: PartialWrite): Promise<Mutation & { readonly written: Written }> {
  const { store, partialUploads, limits } = context
  const { staging, before, change, message, found, ancestors } = write
  requireMessage(message, found, change)
  const open = found?.state === 'open' ? found : undefined
  const { set, parts } = received(open?.set, message, change, limits.value)
  const placed = await placeInSet(store, staging, open?.record, parts)
  const fresh = isFresh(before)
  const complete = isComplete(message, set, isEmpty(change))
  const said = before === undefined || fresh ? change : later(change, open?.set)
  const value = complete ? await finalValue(context, write, set, open, placed) : undefined
  const put = value === undefined ? unfinished(write, said) : finished(write, said, set, value)
  const target = put ?? before
  const changes: ObjectChange[] = put === undefined ? [] : [{ operation: before === undefined ? 'create' : 'modify', ancestors, before, put }]
  const id = before?.id ?? write.id
  // The set is what its object is: it changes only while that is there.
  const holds = before === undefined ? ancestors : [...ancestors, before]
  const ofSet = value === undefined
    ? partialUploads.keep(found, id, message.uploadID, fresh ? set : { ...set, ...edits(said, before) }, placed, holds)
    : partialUploads.end(found, id, message.uploadID)
  if (ofSet !== undefined) changes.push(ofSet)
  if (target === undefined) throw new InvalidRequest('There is no object for this part')
  return {
    changes,
    staging,
    births: named([...placed.births, ...value?.births ?? []], changes),
    written: { object: { record: target, ancestors }, created: value === undefined ? before === undefined : fresh && write.makes, pending: value === undefined }
  }
}

/** An object that has no value yet: it was made by a part, and no set of it was ever complete. */
export function isFresh (before: StoredRecord | undefined): boolean {
  return before === undefined || attributesOf(before).completionStatus !== 'Complete'
}

/** What can be said before the bytes have come: the set of this ID may be complete, or have other terms. Throws InvalidRequest. */
export function requireSet (message: PartialMessage, found: FoundSet | undefined): void {
  if (found?.state === 'complete') throw new InvalidRequest('All parts of this upload ID have come, and the object is complete; nothing was changed. Use another upload ID for other parts')
  if (found?.state === 'open') agreedTerms(found.set, message)
}

function requireMessage (message: PartialMessage, found: FoundSet | undefined, change: DataObjectChange): void {
  requireSet(message, found)
  // After a time-out this would make the value empty.
  if (message.uploadID !== undefined && message.condition === undefined && found?.state !== 'open' && isEmpty(change)) {
    throw new InvalidRequest('There are no parts under this upload ID that an empty request could complete: none have come, or not for too long a time')
  }
}

/** The set with what this message brings, and where its parts go. */
function received (before: UploadSet | undefined, message: PartialMessage, change: DataObjectChange, limit: number): { set: UploadSet, parts: PlacedPart[] } {
  const terms = agreedTerms(before ?? {}, message)
  let ledger: Ledger = before ?? emptyLedger
  const parts = partsOf(change.value).map(({ at, staged }): PlacedPart => {
    const added = addPart(ledger, at, staged.size)
    ledger = added.ledger
    return { at: added.at, staged }
  })
  const { condition } = terms
  if (endOf(ledger) > limit || (condition !== undefined && 'range' in condition && condition.range.offset + condition.range.length > limit)) {
    throw new TooLarge(`The value would be longer than ${limit} bytes, the limit of this server; nothing was stored`)
  }
  if (condition !== undefined && 'count' in condition && ledger.count > condition.count) throw new InvalidRequest(`There would be ${ledger.count} parts, but the condition says count=${condition.count}; nothing was stored`)
  const { ranges, appended, count } = ledger
  return {
    set: {
      ranges,
      appended,
      count,
      ...terms,
      utf8: (before?.utf8 ?? true) && parts.every(({ staged }) => staged.utf8 === true),
      mimetype: change.mimetype ?? before?.mimetype,
      encoding: change.saidEncoding ?? before?.encoding,
      metadata: before?.metadata,
      fields: before?.fields,
      template: change.template ?? before?.template
    },
    parts
  }
}

/** No byte is no part: it may be how a client says that it has sent all. */
function partsOf (value: ValueChange): Array<{ readonly at: number | undefined, readonly staged: StagedValue }> {
  if (value.kind === 'keep') return []
  const parts = value.kind === 'whole' ? [{ at: undefined, staged: value.staged }] : value.parts.map(({ at, staged }) => ({ at: value.onto === 'old' ? at : undefined, staged }))
  return parts.filter(({ staged }) => staged.size > 0)
}

function isEmpty ({ value, metadata, fields }: DataObjectChange): boolean {
  if (value.kind === 'whole') return value.staged.size === 0
  return value.kind === 'keep' && metadata === undefined && fields === undefined
}

function isComplete (message: PartialMessage, set: UploadSet, empty: boolean): boolean {
  if (message.uploadID === undefined) return message.more !== true
  return set.condition === undefined ? empty : isFulfilled(set.condition, set)
}

async function finalValue ({ store }: ModelContext, { staging, before }: PartialWrite, set: UploadSet, open: FoundSet | undefined, placed: PlacedValue): Promise<PlacedValue> {
  if (set.count === 0) return before === undefined ? emptyValue : keepValue(before)
  return await completeValue(store, staging, isFresh(before) || replaces(set.replace, set) ? undefined : before, runsOf(set), open?.record, placed)
}

type Said = Pick<DataObjectChange, 'mimetype' | 'metadata' | 'fields' | 'saidEncoding' | 'template'>

/** What all messages said of an object that stays as it is until then (PUP-14). */
function later (change: DataObjectChange, set: UploadSet | undefined): Said {
  const { metadata, fields } = change
  return {
    ...change,
    metadata: set?.metadata === undefined && metadata === undefined ? undefined : both(set?.metadata, metadata),
    fields: set?.fields === undefined && fields === undefined ? undefined : both(set?.fields, fields)
  }
}

const both = (edit: Edit | undefined, then: ((before: JsonObject) => JsonObject) | undefined) => (before: JsonObject): JsonObject => {
  const after = applyEdit(before, edit)
  return then === undefined ? after : then(after)
}

/** The same as differences, which can be stored. */
function edits ({ metadata, fields }: Said, before: StoredRecord | undefined): Pick<UploadSet, 'metadata' | 'fields'> {
  const attributes = before === undefined ? undefined : attributesOf(before)
  const now = { metadata: attributes?.metadata as JsonObject | undefined ?? {}, fields: attributes?.fields as JsonObject | undefined ?? {} }
  return {
    metadata: metadata === undefined ? undefined : editBetween(now.metadata, metadata(now.metadata)),
    fields: fields === undefined ? undefined : editBetween(now.fields, fields(now.fields))
  }
}

/** The object while parts are missing: new ones are there at once, without a value (PUP-13). Undefined: it stays as it is. */
function unfinished ({ id, name, ancestors, before, change }: PartialWrite, { mimetype, metadata, fields, saidEncoding, template }: Said): DataObjectPut | undefined {
  const completionStatus = 'Processing'
  if (before === undefined) {
    return newDataObject(id, ancestors.at(-1), name, { mimetype, metadata, fields, template, completionStatus }, emptyValue, saidEncoding ?? change.encoding(emptyValue, undefined))
  }
  const attributes = attributesOf(before)
  if (attributes.completionStatus === 'Complete') return undefined
  const { valuetransferencoding: stored = 'base64' } = attributes
  const says = (mimetype ?? attributes.mimetype) !== attributes.mimetype || (saidEncoding ?? stored) !== stored || metadata !== undefined || fields !== undefined || template !== undefined
  if (!says && attributes.completionStatus === completionStatus) return undefined
  return changedDataObject(before, { mimetype, metadata, fields, template, completionStatus }, keepValue(before), saidEncoding ?? stored)
}

function finished ({ id, name, ancestors, before, change }: PartialWrite, { metadata, fields }: Said, set: UploadSet, value: PlacedValue): DataObjectPut {
  const said = { mimetype: set.mimetype, metadata, fields, template: set.template && { name: set.template.name } }
  const stored = before === undefined ? undefined : attributesOf(before).valuetransferencoding
  const wanted: ValueTransferEncoding = set.encoding ?? stored ?? change.encoding(value, undefined)
  const whole = isFresh(before) || (set.count > 0 && replaces(set.replace, set))
  const encoding = value.segments.kind === 'keep' && wanted === stored ? wanted : encodingSeen(wanted, value, whole && set.utf8)
  return before === undefined ? newDataObject(id, ancestors.at(-1), name, said, value, encoding) : changedDataObject(before, said, value, encoding)
}

/** Those that the changes name. Others were of use on the way. */
function named (births: readonly BlobBirth[], changes: readonly ObjectChange[]): BlobBirth[] {
  const names = new Set(changes.flatMap(({ put }) => put === undefined || !('segments' in put.segments) ? [] : put.segments.segments.map(({ blob }) => blob)))
  return births.filter(({ blob }) => names.has(blob))
}
