/** Objects taken over from other servers (CMV-37): the object keeps its ID, and is deleted where it was only when it is here. */
import type { StoredRecord } from '../storage/contract.js'
import { requireAccess } from './access.js'
import type { ModelContext } from './context.js'
import type { SourceSaid } from './copy-selection.js'
import { newDataObject } from './data-object-record.js'
import type { Written } from './data-object-write.js'
import { AlreadyExists, Contention, InvalidRequest, SourceUnusable } from './errors.js'
import { storableMetadata } from './metadata.js'
import { type Destination, destinationOf, requireForMoved } from './move.js'
import { isObjectID } from './object-id.js'
import { checkPreconditions } from './preconditions.js'
import type { Principal } from './principal.js'
import { attributesOf } from './record.js'
import { asStored, hashToMake, receiveRemote, remoteSources, requireValue } from './remote-content.js'
import type { RemoteOptions } from './remote-copy.js'
import type { RemoteContent } from './remote-sources.js'
import { Staging } from './staging.js'
import { lineageOf } from './tree-changes.js'
import { placeWhole } from './values.js'
import { subjectOf, type WriteAim } from './write-aim.js'

export interface RemoteMove {
  readonly uri: string
  readonly said: SourceSaid
}

/** Throws AlreadyExists, ParentNotFound, SourceUnusable for all that is wrong with the source, CapabilityMissing. */
export async function moveRemoteObject (context: ModelContext, principal: Principal, aim: WriteAim, { uri, said }: RemoteMove, { preconditions, signal }: RemoteOptions = {}): Promise<Written> {
  requireAccess(principal, 'write')
  const sources = remoteSources(context, 'cdmi_object_move_from_remote')
  context.capabilities.require('system', 'cdmi_object_move_from_remote')
  requireForMoved(context, aim, 'dataobject')
  const { ancestors } = await freeDestination()
  const remote = await sources.open(uri, signal)
  const staging = new Staging(context.store)
  try {
    const content = await receiveRemote(context, remote, staging, { value: true, ranged: false, hash: hashToMake(context, ancestors) })
    const written = await commit(content)
    const outcome = await remote.remove()
    if (outcome === 'removed') return written
    // Of an object that may be nowhere else any more this is the only one.
    if (outcome === 'unknown') throw new InvalidRequest('The object is here now, but its server did not say whether it has deleted its own; look there, and delete one of the two')
    await takeBack(written)
    throw new SourceUnusable('The server of the source would not delete the object')
  } finally {
    remote.close()
    staging.end()
  }

  async function freeDestination (): Promise<Destination> {
    const destination = await destinationOf(context, aim)
    checkPreconditions(preconditions, destination.there, false)
    if (destination.there !== undefined) throw new AlreadyExists(subjectOf(aim))
    return destination
  }

  async function commit (content: RemoteContent): Promise<Written> {
    const value = requireValue(content)
    const id = ownID(content)
    const { metadata, fields } = attributesOf(asStored(context, content))
    const change = {
      mimetype: said.mimetype ?? content.mimetype,
      metadata: () => said.metadata === undefined ? metadata as NonNullable<RemoteContent['metadata']> : storableMetadata(said.metadata, context.limits),
      fields: () => ({ ...fields as RemoteContent['fields'], ...said.fields })
    }
    const done = await context.gate.mutate(principal, subjectOf(aim), async () => {
      const { ancestors, name } = await freeDestination()
      if (context.namespace.reserves(id) || await lineageOf(context.store, id) !== undefined) throw new SourceUnusable('There is an object with the ID of the source here already')
      const placed = placeWhole(value.staged)
      const put = newDataObject(id, ancestors.at(-1), name ?? id, change, placed, value.encoding)
      return {
        changes: [{ operation: 'create' as const, ancestors, before: undefined, put }],
        staging,
        births: placed.births,
        written: { object: { record: put as StoredRecord, ancestors }, created: true }
      }
    })
    if (done === undefined) throw new Contention()
    return done.written
  }

  async function takeBack ({ object: { record, ancestors } }: Written): Promise<void> {
    await context.gate.mutate(principal, subjectOf(aim), async () => {
      const [found] = (await context.store.meta.lineage(record.id)).slice(-1)
      if (found === undefined) return undefined
      // What somebody has changed meanwhile is somebody's.
      if (found.version !== record.version) throw new InvalidRequest('The object is here now and was changed already, but its server would not delete its own; there are two of them')
      return { changes: [{ operation: 'delete' as const, ancestors, before: found, remove: { id: record.id, version: record.version, subtree: false } }] }
    })
  }
}

function ownID ({ cdmi, objectID }: RemoteContent): string {
  if (!cdmi || objectID === undefined) throw new SourceUnusable('The server of the source does not say which ID the object has, so it cannot be moved; copy it')
  if (!isObjectID(objectID)) throw new SourceUnusable('The ID of the source is not that of a CDMI object')
  return objectID.toUpperCase()
}
