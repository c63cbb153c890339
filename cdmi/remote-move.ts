/**
 * Objects taken over from other servers (CMV-37): the object keeps its ID, and is deleted where it was only when it is here. What was
 * answered for before that can be read here only when it is gone there.
 */
import type { StoredRecord } from '../storage/contract.js'
import { requireAccess } from './access.js'
import { arrivedRecord } from './completion.js'
import type { ModelContext } from './context.js'
import type { SourceSaid } from './copy-selection.js'
import { changedDataObject, defaultType, newDataObject } from './data-object-record.js'
import type { Written } from './data-object-change.js'
import { type Mark, mayBeDelayed } from './delayed.js'
import { AlreadyExists, Contention, InvalidRequest, SourceUnusable } from './errors.js'
import { storableMetadata } from './metadata.js'
import { type Destination, destinationOf, requireForMoved } from './move.js'
import { isObjectID } from './object-id.js'
import { checkPreconditions } from './preconditions.js'
import type { Principal } from './principal.js'
import { attributesOf } from './record.js'
import { asStored, hashToMake, receiveRemote, remoteSources, remoteWork, requireValue } from './remote-content.js'
import type { RemoteOptions } from './remote-copy.js'
import type { RemoteContent } from './remote-sources.js'
import { Staging } from './staging.js'
import { lineageOf } from './tree-changes.js'
import { emptyValue, placeWhole } from './values.js'
import { subjectOf, type WriteAim } from './write-aim.js'

export interface RemoteMove {
  readonly uri: string
  readonly said: SourceSaid
}

const notDeleted = 'The server of the source would not delete the object'

/** Throws AlreadyExists, ParentNotFound, SourceUnusable for all that is wrong with the source, CapabilityMissing. */
export async function moveRemoteObject (context: ModelContext, principal: Principal, aim: WriteAim, { uri, said }: RemoteMove, { preconditions, signal, delayedAfter }: RemoteOptions = {}): Promise<Written> {
  requireAccess(principal, 'write')
  const sources = remoteSources(context, 'cdmi_object_move_from_remote')
  context.capabilities.require('system', 'cdmi_object_move_from_remote')
  requireForMoved(context, aim, 'dataobject')
  if (said.metadata !== undefined) storableMetadata(said.metadata, context.limits)
  const { ancestors } = await freeDestination()
  const remote = await sources.open(uri, signal)
  const staging = new Staging(context.store)
  /** It is about to be there, as it is. */
  let comes = false
  let tellID = (_id: string): void => {}
  const known = new Promise<string>(resolve => { tellID = resolve })
  return await mayBeDelayed(context, {
    principal,
    delayedAfter,
    work: remoteWork(remote),
    id: known,
    async mark (transfer) {
      if (comes) return undefined
      const { ancestors, name } = await freeDestination()
      const id = await known
      await requireFree(id)
      const { mimetype = defaultType, metadata, fields } = said
      const about = { mimetype, completionStatus: 'Processing', transfer, metadata: metadata === undefined ? undefined : () => storableMetadata(metadata, context.limits), fields: fields === undefined ? undefined : () => fields }
      const put = newDataObject(id, ancestors.at(-1), name ?? id, about, emptyValue, 'utf-8')
      return { changes: [{ operation: 'create', ancestors, before: undefined, put }], written: { object: { record: put, ancestors }, created: true } }
    },
    async run (mark) {
      const onID = (id: string): void => { if (isObjectID(id)) tellID(id.toUpperCase()) }
      const content = await receiveRemote(context, remote, staging, { value: true, ranged: false, hash: hashToMake(context, ancestors), room: await context.quotas.room(principal, ancestors), onID })
      const { written, marked } = await commit(content, mark)
      // Somebody has deleted it here, or written to it: then it stays where it was.
      if (marked) await mark.find()
      const outcome = await remote.remove()
      if (marked) return await settle(mark, written, outcome)
      if (outcome === 'removed') return written
      // Of an object that may be nowhere else any more this is the only one.
      if (outcome === 'unknown') throw new InvalidRequest('The object is here now, but its server did not say whether it has deleted its own; look there, and delete one of the two')
      await takeBack(written)
      throw new SourceUnusable(notDeleted)
    },
    end () {
      remote.close()
      staging.end()
    }
  })

  async function freeDestination (): Promise<Destination> {
    const destination = await destinationOf(context, aim, preconditions)
    checkPreconditions(preconditions, destination.there, false)
    if (destination.there !== undefined) throw new AlreadyExists(subjectOf(aim))
    return destination
  }

  async function requireFree (id: string): Promise<void> {
    if (context.namespace.reserves(id) || await lineageOf(context.store, id) !== undefined) throw new SourceUnusable('There is an object with the ID of the source here already')
  }

  /** `marked`: it is there, but cannot be read before it is gone where it was. */
  async function commit (content: RemoteContent, mark: Mark): Promise<{ readonly written: Written, readonly marked: boolean }> {
    const value = requireValue(content)
    const id = ownID(content)
    const { metadata, fields } = attributesOf(asStored(context, content))
    const change = {
      mimetype: said.mimetype ?? content.mimetype,
      metadata: () => said.metadata === undefined ? metadata as NonNullable<RemoteContent['metadata']> : storableMetadata(said.metadata, context.limits),
      fields: () => ({ ...fields as RemoteContent['fields'], ...said.fields })
    }
    const done = await context.gate.mutate(principal, subjectOf(aim), async () => {
      const marked = await mark.find()
      const placed = placeWhole(value.staged)
      const births = { staging, births: placed.births }
      if (marked !== undefined) {
        const { object: { record: before, ancestors }, token } = marked
        if (before.id !== id) throw new SourceUnusable('The server of the source says two different IDs of it')
        const put = changedDataObject(before, { ...change, completionStatus: 'Processing', transfer: token }, placed, value.encoding)
        return { ...births, changes: [{ operation: 'modify' as const, ancestors, before, put }, ...await context.transfers.arrived(token, id)], written: { object: { record: put, ancestors }, created: true }, marked: true }
      }
      comes = true
      const { ancestors, name } = await freeDestination()
      await requireFree(id)
      const put = newDataObject(id, ancestors.at(-1), name ?? id, change, placed, value.encoding)
      return { ...births, changes: [{ operation: 'create' as const, ancestors, before: undefined, put }], written: { object: { record: put as StoredRecord, ancestors }, created: true }, marked: false }
    })
    if (done === undefined) throw new Contention()
    return done
  }

  /** It may be read now; or it is still where it was, and nothing is left of it here but the reason. */
  async function settle (mark: Mark, written: Written, outcome: 'removed' | 'kept' | 'unknown'): Promise<Written> {
    await context.gate.mutate(principal, subjectOf(aim), async () => {
      const marked = await mark.find()
      if (marked === undefined) return undefined
      const { object: { record: before, ancestors }, ended } = marked
      const put = outcome === 'kept'
        ? changedDataObject(before, { completionStatus: `Error: ${notDeleted}` }, emptyValue, 'utf-8')
        : arrivedRecord(before)
      return { changes: [{ operation: 'modify' as const, ancestors, before, put }, ...ended] }
    })
    return written
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
