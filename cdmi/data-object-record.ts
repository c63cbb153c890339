/** The record of a data object: at birth, and after a write of its value. Pure code. */
import { isUtf8 } from 'node:buffer'
import type { ValueTransferEncoding } from '../schemas/record.js'
import type { StoredRecord } from '../storage/contract.js'
import type { ValueRequest } from './data-objects.js'
import { now } from './instant.js'
import { isJsonObject } from './json-value.js'
import { attributesOf, toStored, typeLetter } from './record.js'
import type { PlacedValue, StagedValue } from './values.js'

/** A record as it will be stored, and how its segment map comes about. */
export type DataObjectPut = StoredRecord & { readonly segments: PlacedValue['segments'] }

export function newDataObject (
  id: string, parent: StoredRecord | undefined, name: string,
  request: Pick<ValueRequest, 'mimetype' | 'partial' | 'metadata'>, value: PlacedValue, encoding: ValueTransferEncoding
): DataObjectPut {
  const instant = now()
  return {
    id,
    version: 1,
    type: typeLetter.dataObject,
    parentID: parent?.id,
    name: parent === undefined ? undefined : name,
    size: value.size,
    inline: value.inline,
    segments: value.segments,
    attributes: toStored({
      metadata: request.metadata ?? {},
      completionStatus: request.partial === true ? 'Processing' : 'Complete',
      created: instant,
      modified: instant,
      mimetype: request.mimetype ?? 'application/octet-stream',
      valuetransferencoding: encoding
    })
  }
}

export function changedDataObject (
  before: StoredRecord, request: Pick<ValueRequest, 'mimetype' | 'partial' | 'range'>, value: PlacedValue, encoding: ValueTransferEncoding
): DataObjectPut {
  const attributes = attributesOf(before)
  const mimetype = request.mimetype ?? attributes.mimetype ?? 'application/octet-stream'
  return {
    id: before.id,
    version: before.version + 1,
    type: before.type,
    parentID: before.parentID,
    name: before.name,
    size: value.size,
    inline: value.inline,
    segments: value.segments,
    attributes: toStored({
      ...attributes,
      completionStatus: request.partial === true ? 'Processing' : 'Complete',
      modified: Math.max(now(), attributes.modified + 1),
      mimetype,
      valuetransferencoding: encoding
    })
  }
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
