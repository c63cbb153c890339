/** The record of a container: at birth, and after a change of its metadata. Pure code. */
import type { RecordAttributes } from '../schemas/record.js'
import type { JsonObject, StoredRecord } from '../storage/contract.js'
import { now } from './instant.js'
import { attributesOf, toStored, typeLetter } from './record.js'
import { type TemplateChoice, templateAttribute } from './templates.js'

/** What a request says of a container. Undefined: stays as it is. */
export interface ContainerChange {
  /** The new metadata, from the old. */
  readonly metadata?: ((before: JsonObject) => JsonObject) | undefined
  /** The same for fields that the standard does not define. */
  readonly fields?: ((before: JsonObject) => JsonObject) | undefined
  /** The template that the metadata has been taken from, or that there is none from now on. */
  readonly template?: Pick<TemplateChoice, 'name'> | undefined
  /** Of a new one: `Complete`. */
  readonly completionStatus?: string | undefined
  /** The transfer that works on it; null: none does any more. */
  readonly transfer?: string | null | undefined
  /** Why the last one failed; null: that is over. */
  readonly failure?: string | null | undefined
}

/** A record as it will be stored; containers have no value. */
export type ContainerPut = StoredRecord & { readonly segments: { readonly kind: 'keep' } }

export function newContainer (id: string, parent: Pick<StoredRecord, 'id'>, name: string, change: ContainerChange = {}): ContainerPut {
  const instant = now()
  const fields = change.fields?.({}) ?? {}
  return {
    id,
    version: 1,
    type: typeLetter.container,
    parentID: parent.id,
    name,
    size: 0,
    inline: undefined,
    segments: { kind: 'keep' },
    attributes: toStored({
      metadata: change.metadata?.({}) ?? {},
      ...(Object.keys(fields).length === 0 ? {} : { fields }),
      ...templateAttribute(change.template, undefined),
      ...optional('transfer', change.transfer, undefined),
      completionStatus: change.completionStatus ?? 'Complete',
      created: instant,
      modified: instant
    })
  }
}

export function changedContainer (before: StoredRecord, change: ContainerChange): ContainerPut {
  const { fields: fieldsBefore = {}, template, transfer, failure, ...attributes } = attributesOf(before)
  const fields = change.fields === undefined ? fieldsBefore : change.fields(fieldsBefore as JsonObject)
  return {
    id: before.id,
    version: before.version + 1,
    type: before.type,
    parentID: before.parentID,
    name: before.name,
    size: 0,
    inline: undefined,
    segments: { kind: 'keep' },
    attributes: toStored({
      ...attributes,
      ...(change.metadata === undefined ? {} : { metadata: change.metadata(attributes.metadata as JsonObject) }),
      ...(Object.keys(fields).length === 0 ? {} : { fields }),
      ...templateAttribute(change.template, template),
      ...optional('transfer', change.transfer, transfer),
      ...optional('failure', change.failure, failure),
      ...(change.completionStatus === undefined ? {} : { completionStatus: change.completionStatus }),
      modified: Math.max(now(), attributes.modified + 1),
      changes: (attributes.changes ?? 0) + 1
    })
  }
}

/** An attribute that is there only when there is something in it. */
function optional (name: 'transfer' | 'failure', after: string | null | undefined, before: string | undefined): Pick<RecordAttributes, 'transfer' | 'failure'> {
  const value = after === undefined ? before : after
  return value === undefined || value === null ? {} : { [name]: value }
}
