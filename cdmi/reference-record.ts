/** The record of a reference (GEN-46 to GEN-52). Pure code. */
import type { StoredRecord } from '../storage/contract.js'
import type { ContainerPut } from './container-record.js'
import { now } from './instant.js'
import { toStored } from './record.js'

/** `target`: as it was given. `owner`: see `newAttributes`. `parent` undefined: the reference has no path. */
export function newReference (id: string, type: string, parent: Pick<StoredRecord, 'id'> | undefined, name: string, target: string, owner?: string): ContainerPut {
  const instant = now()
  return {
    id,
    version: 1,
    type,
    parentID: parent?.id,
    name: parent === undefined ? undefined : name,
    size: 0,
    inline: undefined,
    segments: { kind: 'keep' },
    attributes: toStored({ ...owner !== undefined && { owner }, metadata: {}, completionStatus: 'Complete', created: instant, modified: instant, reference: target })
  }
}
