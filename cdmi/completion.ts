/**
 * Whether an object is whole (CMV-16 to CMV-19, COC-37, COC-38, DOC-22). Of one that is being made there is nothing yet, and nothing can be put into it; one
 * that is being changed is there as it was until the change is done.
 */
import type { StoredRecord } from '../storage/contract.js'
import { changedContainer, type ContainerPut } from './container-record.js'
import { changedDataObject, type DataObjectPut } from './data-object-record.js'
import { NotComplete } from './errors.js'
import { attributesOf, isContainer } from './record.js'
import { keepValue } from './values.js'

/** What a reader is told: how the object is, or how its last change went. */
export function shownStatus (record: Pick<StoredRecord, 'attributes'>): string {
  const { completionStatus, transfer, failure } = attributesOf(record)
  return transfer === undefined ? failure ?? completionStatus : 'Processing'
}

/** Whether the children of a container are withheld (COC-37): nobody should take them for what they will be. */
export function withholdsChildren (record: Pick<StoredRecord, 'attributes'>): boolean {
  return shownStatus(record) === 'Processing'
}

/** The record after its transfer has failed: it was never made, or it is as it was and says that the change failed. */
export function failedRecord (before: StoredRecord, sentence: string): DataObjectPut | ContainerPut {
  const { completionStatus, valuetransferencoding = 'base64' } = attributesOf(before)
  const text = `Error: ${sentence}`
  if (!isContainer(before)) return changedDataObject(before, { completionStatus: text }, keepValue(before), valuetransferencoding)
  return changedContainer(before, completionStatus === 'Complete' ? { transfer: null, failure: text } : { transfer: null, completionStatus: text })
}

/** The record of a data object that has its value already, and may be read from now on. */
export function arrivedRecord (before: StoredRecord): DataObjectPut {
  return changedDataObject(before, { completionStatus: 'Complete' }, keepValue(before), attributesOf(before).valuetransferencoding ?? 'base64')
}

/** The record of a new object that takes the place of the one that was there while it was made. `put`: as if it were made now. */
export function completedRecord<P extends DataObjectPut | ContainerPut> (pending: StoredRecord, put: P): P {
  const { created, modified, changes = 0 } = attributesOf(pending)
  return {
    ...put,
    version: pending.version + 1,
    parentID: pending.parentID,
    name: pending.name,
    attributes: { ...put.attributes, created, modified: Math.max(attributesOf(put).modified, modified + 1), changes: changes + 1 }
  }
}

/** Throws NotComplete for a container that was never completed: nothing can be made in it, or moved there. `shown`: its URI. */
export function requireOpen (container: StoredRecord, shown: string): void {
  const { completionStatus } = attributesOf(container)
  if (completionStatus === 'Complete') return
  throw new NotComplete(completionStatus === 'Processing'
    ? `The container ${shown} is still being made; nothing can be put into it before it is complete`
    : `The container ${shown} could not be made (${completionStatus}); delete it, and make it again`)
}

/** Throws NotComplete for an object whose making, or changing, goes on, and would undo this change, or lose by it. `shown`: its URI. */
export function requireUntouched (record: Pick<StoredRecord, 'attributes'> | undefined, shown: string): void {
  if (record === undefined || attributesOf(record).transfer === undefined) return
  throw new NotComplete(`${shown} is still Processing; wait until it is complete, or delete it`)
}
