/** The record of a container: at birth, and after a change of its metadata. Pure code. */
import type { StoredRecord } from '../storage/contract.js'
import { type AttributeChange, changedAttributes, newAttributes } from './changed-attributes.js'
import { attributesOf, toStored, typeLetter } from './record.js'

/** What a request says of a container. Undefined: stays as it is. */
export type ContainerChange = AttributeChange

/** A record as it will be stored; containers have no value. */
export type ContainerPut = StoredRecord & { readonly segments: { readonly kind: 'keep' } }

export function newContainer (id: string, parent: Pick<StoredRecord, 'id'>, name: string, change: ContainerChange = {}): ContainerPut {
  return {
    id,
    version: 1,
    type: typeLetter.container,
    parentID: parent.id,
    name,
    size: 0,
    inline: undefined,
    segments: { kind: 'keep' },
    attributes: toStored(newAttributes(change))
  }
}

export function changedContainer (before: StoredRecord, change: ContainerChange): ContainerPut {
  return {
    id: before.id,
    version: before.version + 1,
    type: before.type,
    parentID: before.parentID,
    name: before.name,
    size: 0,
    inline: undefined,
    segments: { kind: 'keep' },
    attributes: toStored(changedAttributes(attributesOf(before), change))
  }
}
