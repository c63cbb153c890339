/** The model's view of stored records: types, attributes, and the path that a chain of records spells. */
import type { RecordAttributes } from '../schemas/record.js'
import type { Entry, JsonObject, StoredRecord } from '../storage/contract.js'
import { formatPath } from './address.js'

/** The letter of each object type in the store's index. A reference has one of two: made at a URI with a slash at its end it keeps that (CMV-42). Sets of parts and transfers are no objects: see partial-uploads, transfers. */
export const typeLetter = { container: 'c', dataObject: 'd', reference: 'r', containerReference: 'k', partialUpload: 'p', transfer: 't' } as const

/** An object and everything above it: `[top, …, parent, record]`. */
export interface CdmiObject {
  readonly record: StoredRecord
  /** From the top down to the parent; empty for the root container and for objects without a path. */
  readonly ancestors: readonly StoredRecord[]
}

/** The attributes, typed: only the model writes them, so they are not validated again. */
export function attributesOf (record: Pick<StoredRecord, 'attributes'>): RecordAttributes {
  return record.attributes as RecordAttributes
}

/** The way back, for records that are about to be stored. */
export function toStored (attributes: RecordAttributes): JsonObject {
  return attributes as JsonObject
}

export const isContainer = (record: Pick<StoredRecord, 'type'>): boolean => record.type === typeLetter.container

/** True for entries of listings that are containers: their names are shown with a slash. */
export function isContainerEntry (entry: Pick<Entry, 'type'>): boolean {
  return entry.type === typeLetter.container
}

export const isReference = ({ type }: Pick<StoredRecord, 'type'>): boolean => type === typeLetter.reference || type === typeLetter.containerReference

/** Whether the URI of an object ends in a slash. */
export const hasSlash = (record: Pick<StoredRecord, 'type'>): boolean => isContainer(record) || record.type === typeLetter.containerReference

/** The CDMI path of an object from the root container, or undefined when it has none (GEN-25). */
export function pathOf (object: CdmiObject): string | undefined {
  const chain = [...object.ancestors, object.record]
  const names: string[] = []
  for (const record of chain.slice(1)) {
    if (record.name !== undefined) names.push(record.name)
  }
  if (object.ancestors.length === 0 && !isContainer(object.record)) return undefined
  return formatPath(names, hasSlash(object.record))
}
