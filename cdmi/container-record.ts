/** The record of a container: at birth, and after a change of its metadata. Pure code. */
import type { RecordAttributes } from '../schemas/record.js'
import type { StoredRecord } from '../storage/contract.js'
import { type AttributeChange, changedAttributes, newAttributes } from './changed-attributes.js'
import { attributesOf, toStored, typeLetter } from './record.js'

/** What a request says of a container. Undefined: stays as it is. */
export interface ContainerChange extends AttributeChange {
  /** Of a new one: `Complete`. */
  readonly completionStatus?: string | undefined
  /** The transfer that works on it; null: none does any more. */
  readonly transfer?: string | null | undefined
  /** Why the last one failed; null: that is over. */
  readonly failure?: string | null | undefined
}

/** A record as it will be stored; containers have no value. */
export type ContainerPut = StoredRecord & { readonly segments: { readonly kind: 'keep' } }

/** `owner`: see `newAttributes`. */
export function newContainer (id: string, parent: Pick<StoredRecord, 'id'>, name: string, change: ContainerChange = {}, owner?: string): ContainerPut {
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
      ...newAttributes(change, owner),
      ...optional('transfer', change.transfer, undefined),
      completionStatus: change.completionStatus ?? 'Complete'
    })
  }
}

export function changedContainer (before: StoredRecord, change: ContainerChange): ContainerPut {
  const { transfer, failure, ...attributes } = attributesOf(before)
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
      ...changedAttributes(attributes, change),
      ...optional('transfer', change.transfer, transfer),
      ...optional('failure', change.failure, failure),
      ...(change.completionStatus === undefined ? {} : { completionStatus: change.completionStatus })
    })
  }
}

/** An attribute that is there only when there is something in it. */
function optional (name: 'transfer' | 'failure', after: string | null | undefined, before: string | undefined): Pick<RecordAttributes, 'transfer' | 'failure'> {
  const value = after === undefined ? before : after
  return value === undefined || value === null ? {} : { [name]: value }
}
