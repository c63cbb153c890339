/** What becomes of an object whose value is lost for good: all else that is known of it stays, and it says itself that there is none (DOC-22). */
import type { StoredRecord } from '../storage/contract.js'
import { attributesOf, toStored, typeLetter } from './record.js'

/**
 * The record without its value, as a change that nobody has asked for: a new version, so that no client takes what it has for what is here. Undefined for
 * what is nothing without its bytes: a set of parts. The same record gives the same answer.
 */
export function withoutValue (record: StoredRecord): StoredRecord | undefined {
  if (record.type !== typeLetter.dataObject) return undefined
  const { hash: _hash, keyed: _keyed, transfer: _transfer, ...attributes } = attributesOf(record)
  return {
    ...record,
    version: record.version + 1,
    size: 0,
    inline: undefined,
    attributes: toStored({ ...attributes, completionStatus: 'Error: the value was damaged, and the store has moved without it' })
  }
}
