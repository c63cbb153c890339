/** What a copy takes of its source (CMV-22 to CMV-24, COC-27), and what the request says itself of the copy (CMV-03, CMV-04). Pure code. */
import type { JsonObject, RecordHead } from '../storage/contract.js'
import type { Limits } from './limits.js'
import { storableMetadata } from './metadata.js'
import { carriedFields, carriedMetadata } from './sources.js'
import type { ByteRange } from './values.js'

export interface CopySelection {
  /** Fields that are taken, by their names in the standard; undefined: all. */
  readonly fields: ReadonlySet<string> | undefined
  /** Which items of the metadata; undefined: all. */
  readonly metadata: ((name: string) => boolean) | undefined
  /** Which bytes of a value of so many; undefined: all. Throws what it cannot do. */
  readonly range: ((size: number) => ByteRange) | undefined
}

/** What a request says of an object that is made of another one. */
export interface SourceSaid {
  /** In place of the source's. */
  readonly mimetype?: string | undefined
  /** In place of all of the source's. */
  readonly metadata?: JsonObject | undefined
  /** Fields that the standard does not define: beside the source's. */
  readonly fields?: JsonObject | undefined
}

export function takes ({ fields }: CopySelection, name: string): boolean {
  return fields === undefined || fields.has(name)
}

/** The metadata of the copy, from that of the object as it was. Throws InvalidRequest beyond the limits. */
export function copiedMetadata (source: Pick<RecordHead, 'attributes'>, selection: CopySelection, { metadata: said }: SourceSaid, limits: Limits): (before: JsonObject) => JsonObject {
  if (said !== undefined) return () => storableMetadata(said, limits)
  if (!takes(selection, 'metadata')) return before => before
  const carried = carriedMetadata(source)
  const { metadata: chosen } = selection
  if (chosen === undefined) return () => carried
  const items = Object.fromEntries(Object.entries(carried).filter(([name]) => chosen(name)))
  return before => storableMetadata({ ...before, ...items }, limits)
}

/** The same for fields that the standard does not define. */
export function copiedFields (source: Pick<RecordHead, 'attributes'>, { fields: chosen }: CopySelection, { fields: said = {} }: SourceSaid): (before: JsonObject) => JsonObject {
  const carried = carriedFields(source)
  if (chosen === undefined) return () => ({ ...carried, ...said })
  const items = Object.fromEntries(Object.entries(carried).filter(([name]) => chosen.has(name)))
  return before => ({ ...before, ...items, ...said })
}
