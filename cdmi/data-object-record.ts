/** The record of a data object: at birth, and after a write of its value. Pure code. */
import { isUtf8 } from 'node:buffer'
import type { RecordAttributes, ValueTransferEncoding } from '../schemas/record.js'
import type { StoredRecord } from '../storage/contract.js'
import { changedAttributes, newAttributes, setOrForget } from './changed-attributes.js'
import type { DataObjectChange, ValueRequest } from './data-object-change.js'
import { InvalidRequest } from './errors.js'
import { isJsonObject } from './json-kind.js'
import { attributesOf, toStored, typeLetter } from './record.js'
import type { PlacedValue, StagedValue } from './values.js'

/** Type of a data object whose creator says none (DOC-24). */
export const defaultType = 'text/plain'

/** A record as it will be stored, and how its segment map comes about. */
export type DataObjectPut = StoredRecord & { readonly segments: PlacedValue['segments'] }

/** What a write says of an object beside its value. */
type Said = Pick<DataObjectChange, 'mimetype' | 'metadata' | 'fields' | 'template'> & {
  readonly completionStatus?: string | undefined
  /** The transfer from another server that it waits for. */
  readonly transfer?: string | undefined
}

/** `owner`: see `newAttributes`. */
export function newDataObject (id: string, parent: Pick<StoredRecord, 'id'> | undefined, name: string, said: Said, value: PlacedValue, encoding: ValueTransferEncoding, owner?: string): DataObjectPut {
  const attributes = newAttributes(said, owner)
  noteKnown(attributes, value)
  describe(attributes, said, encoding, said.mimetype)
  return {
    id,
    version: 1,
    type: typeLetter.dataObject,
    parentID: parent?.id,
    name: parent === undefined ? undefined : name,
    size: value.size,
    inline: value.inline,
    segments: value.segments,
    attributes: toStored(attributes)
  }
}

export function changedDataObject (before: StoredRecord, said: Said, value: PlacedValue, encoding: ValueTransferEncoding): DataObjectPut {
  const attributes = changedAttributes(attributesOf(before), said)
  if (value.segments.kind !== 'keep') noteKnown(attributes, value)
  describe(attributes, said, encoding, said.mimetype ?? attributes.mimetype)
  return {
    id: before.id,
    version: before.version + 1,
    type: before.type,
    parentID: before.parentID,
    name: before.name,
    size: value.size,
    inline: value.inline,
    segments: value.segments,
    attributes: toStored(attributes)
  }
}

/** What is known of the value itself, and holds until there is another. */
function noteKnown (attributes: RecordAttributes, { hash, keyed }: PlacedValue): void {
  setOrForget(attributes, 'hash', hash && [hash.algorithm, hash.hex])
  setOrForget(attributes, 'keyed', keyed)
}

function describe (attributes: RecordAttributes, { completionStatus, transfer }: Said, encoding: ValueTransferEncoding, mimetype: string | undefined): void {
  setOrForget(attributes, 'transfer', transfer)
  attributes.completionStatus = completionStatus ?? 'Complete'
  attributes.mimetype = mimetype ?? 'application/octet-stream'
  attributes.valuetransferencoding = encoding
}

/**
 * The transfer encoding of a value after a write (HDO-04, HDO-42, AMB-10). What was declared for whole values; in all other
 * cases an encoding that promises something of the bytes stays only while it is known to be true.
 */
export function encodingAfter (request: ValueRequest, staged: StagedValue, value: PlacedValue, before: StoredRecord | undefined): ValueTransferEncoding {
  const wanted = request.mimetype === undefined && before !== undefined
    ? attributesOf(before).valuetransferencoding ?? 'base64'
    : request.valuetransferencoding ?? 'base64'
  if (wanted === 'utf-8') {
    if (request.range === undefined) return staged.utf8 === true ? 'utf-8' : 'base64'
    return value.inline !== undefined && isUtf8(value.inline) ? 'utf-8' : 'base64'
  }
  if (wanted === 'json') return value.inline !== undefined && isJsonObject(value.inline) ? 'json' : 'base64'
  return wanted
}

/** The same for a value that many requests brought, of which no one can be refused for it: JSON and UTF-8 only where they can be seen, or are `known` to be it. */
export function encodingSeen (wanted: ValueTransferEncoding, { inline }: PlacedValue, known: boolean): ValueTransferEncoding {
  if (wanted === 'base64') return wanted
  if (wanted === 'json' && inline !== undefined && isJsonObject(inline)) return wanted
  return known || (inline !== undefined && isUtf8(inline)) ? 'utf-8' : 'base64'
}

/** The same for a value that came in parts. `known`: the whole of it is known to be UTF-8. Throws InvalidRequest for what is said to be JSON and is not. */
export function encodingOfParts (wanted: ValueTransferEncoding, value: PlacedValue, known: boolean): ValueTransferEncoding {
  if (wanted === 'json') {
    if (value.inline === undefined || !isJsonObject(value.inline)) throw new InvalidRequest('The transfer encoding "json" wants the value to be a JSON object')
    return 'json'
  }
  if (wanted === 'base64' || known) return wanted
  // Parts of it are new: the whole is UTF-8 only as far as it can be seen.
  return value.inline !== undefined && isUtf8(value.inline) ? 'utf-8' : 'base64'
}
