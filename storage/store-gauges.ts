/** What every driver tells of its store, in the same words. */
import { type Family, gauge, sample } from '../metrics/family.js'

export interface StoreBytes { readonly records?: number | undefined, readonly values?: number | undefined }

/** Undefined: not known. */
export interface StoreGauges {
  /** Whether the records could be read just now. */
  readonly up: boolean
  readonly objects?: number | undefined
  readonly bytes?: StoreBytes
  readonly garbage?: { readonly waiting?: number | undefined, readonly doomed?: number | undefined, readonly containers?: number | undefined }
  readonly logEntries?: number | undefined
}

/** All processes that have the store open see the same: of several the greatest counts. */
export function storeGauges ({ up, objects, bytes = {}, garbage = {}, logEntries }: StoreGauges): Family[] {
  return [
    gauge({ name: 'cdmi_store_up', help: 'Whether the records of the store could be read when this was asked: 1 or 0.' }, up ? 1 : 0, 'max'),
    ...objects === undefined ? [] : [gauge({ name: 'cdmi_store_objects', help: 'Objects in the store, and what the server keeps there for itself. Of a store in a database an estimate.' }, objects, 'max')],
    storeBytes(bytes),
    several({ name: 'cdmi_garbage', help: 'What the sweeper has still to do: blobs without a reference (waiting), blobs that nobody can name any more (doomed), deleted containers with something below them (containers). Of a store in a database an estimate.' }, 'kind', { ...garbage }),
    ...logEntries === undefined ? [] : [gauge({ name: 'cdmi_change_log_entries', help: 'Entries of the change log. Of a store in a database an estimate.' }, logEntries, 'max')]
  ]
}

/** For who learns of one part earlier than of the other. */
export function storeBytes (bytes: StoreBytes): Family {
  return several({ name: 'cdmi_store_bytes', help: 'Bytes of the store, by part: records as they are on the disk, values as long as they are (those that wait for the sweeper, too).' }, 'part', { ...bytes })
}

function several (described: { readonly name: string, readonly help: string }, label: string, numbers: Readonly<Record<string, number | undefined>>): Family {
  return gauge(described, Object.entries(numbers).flatMap(([name, value]) => value === undefined ? [] : [sample(value, { [label]: name })]), 'max')
}
