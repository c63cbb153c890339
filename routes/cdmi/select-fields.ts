/** Which fields of an object an answer has (GEN-26, DOC-53, DOC-54, COC-15, COC-56). */
import { selectMetadata } from '../../cdmi/metadata.js'
import { isObject } from '../../cdmi/json-value.js'
import type { JsonObject } from '../../storage/contract.js'
import type { CdmiQuery } from './query.js'

/** Whether the answer has a field: all of them when none is named. */
export function wants ({ fields }: Pick<CdmiQuery, 'fields'>, name: string): boolean {
  return fields.length === 0 || fields.includes(name)
}

/** Whether the answer has an item of the metadata, if the object has it. */
export function wantsItem (query: Pick<CdmiQuery, 'fields' | 'metadata'>, name: string): boolean {
  return wants(query, 'metadata') && (query.metadata.length === 0 || query.metadata.some(prefix => name.startsWith(prefix)))
}

/** Those of the fields that were asked for; what an object does not have is left out (AMB-04). */
export function selectFields (all: JsonObject, query: CdmiQuery): JsonObject {
  const chosen = query.fields.length === 0 ? all : Object.fromEntries(Object.entries(all).filter(([name]) => query.fields.includes(name)))
  const { metadata } = chosen
  return query.metadata.length === 0 || !isObject(metadata) ? chosen : { ...chosen, metadata: selectMetadata(metadata, query.metadata) }
}
