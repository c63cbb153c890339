/** Moving and renaming (CMV-32 to CMV-38, COC-30, COC-31, COC-85): the object's place changes and nothing else. What is below a container comes along. */
import type { StoredRecord } from '../storage/contract.js'
import { requireAccess } from './access.js'
import { type Address, describe, objectIDRoot } from './address.js'
import { changedContainer } from './container-record.js'
import type { ModelContext } from './context.js'
import type { SourceSaid } from './copy-selection.js'
import { changedDataObject } from './data-object-record.js'
import type { Written } from './data-object-change.js'
import { AlreadyExists, Contention, SourceUnusable } from './errors.js'
import { placeOf } from './free-place.js'
import { storableMetadata } from './metadata.js'
import type { RecordPut } from '../storage/contract.js'
import { checkPreconditions, type Preconditions } from './preconditions.js'
import type { Principal } from './principal.js'
import { attributesOf, isContainer } from './record.js'
import { findSource, type SourceKind } from './sources.js'
import { keepValue } from './values.js'
import { aimAt, subjectOf, type WriteAim } from './write-aim.js'

export interface Move {
  readonly source: Address
  readonly kind: SourceKind
  readonly said: SourceSaid
}

/** Where the object goes; `name` undefined: its ID becomes its name. */
export interface Destination {
  readonly ancestors: readonly StoredRecord[]
  readonly name: string | undefined
  readonly there: StoredRecord | undefined
}

/**
 * Moves an object to a free place; what is moved to where it is stays there. Throws AlreadyExists, ParentNotFound, SourceUnusable, CapabilityMissing.
 */
export async function moveObject (context: ModelContext, principal: Principal, aim: WriteAim, move: Move, preconditions?: Preconditions): Promise<Written> {
  requireAccess(principal, 'write')
  const { source: address, kind, said } = move
  requireForMove(context, aim, move)
  const done = await context.gate.mutate(principal, subjectOf(aim), async () => {
    const { ancestors, name, there } = await destinationOf(context, aim, preconditions)
    checkPreconditions(preconditions, there, false)
    const { record, ancestors: left } = await findSource(context, principal, address, kind)
    if (there !== undefined && there.id !== record.id) throw new AlreadyExists(subjectOf(aim))
    if (context.namespace.isRoot(record)) throw new SourceUnusable('The root container cannot be moved')
    if (ancestors.some(({ id }) => id === record.id)) throw new SourceUnusable(`The source ${describe(address)} is a container above the destination, and cannot be moved into itself`)
    const parent = ancestors.at(-1)
    const put: StoredRecord & RecordPut = { ...changed(context, record, said), parentID: parent?.id, name: parent === undefined ? undefined : name ?? record.id }
    const written = { object: { record: put, ancestors }, created: true }
    const stays = put.parentID === record.parentID && put.name === record.name
    if (stays && said.metadata === undefined && said.mimetype === undefined && said.fields === undefined) {
      return { changes: [], written: { ...written, object: { record, ancestors } } }
    }
    return { changes: [stays ? { operation: 'modify' as const, ancestors, before: record, put } : { operation: 'rename' as const, ancestors, left, before: record, put }], written }
  })
  if (done === undefined) throw new Contention()
  context.accesses.note(done.written.object.record.id)
  return done.written
}

function changed ({ limits }: ModelContext, record: StoredRecord, { mimetype, metadata, fields }: SourceSaid): StoredRecord & RecordPut {
  const change = {
    mimetype,
    metadata: metadata === undefined ? undefined : () => storableMetadata(metadata, limits),
    fields: fields === undefined ? undefined : (before: NonNullable<SourceSaid['fields']>) => ({ ...before, ...fields })
  }
  if (isContainer(record)) return changedContainer(record, change)
  const { completionStatus, transfer, valuetransferencoding = 'base64' } = attributesOf(record)
  return changedDataObject(record, { ...change, completionStatus, transfer }, keepValue(record), valuetransferencoding)
}

/** Throws ParentNotFound, and AlreadyExists or PreconditionFailed where something of another kind is. */
export async function destinationOf (context: ModelContext, aim: WriteAim, preconditions: Preconditions | undefined): Promise<Destination> {
  if (aim.mode === 'post') {
    const { ancestors, name } = await aimAt(context, aim)
    return { ancestors, name, there: undefined }
  }
  const { ancestors, name, record } = await placeOf(context, aim.address, preconditions)
  return { ancestors, name, there: record }
}

function requireForMove (context: ModelContext, aim: WriteAim, { source, kind }: Move): void {
  context.capabilities.require('system', source.from === undefined ? 'cdmi_object_move_from_local' : 'cdmi_object_move_from_ID')
  requireForMoved(context, aim, kind)
}

/** What the destination of a move must offer, wherever the source is. Throws CapabilityMissing. */
export function requireForMoved ({ capabilities }: ModelContext, aim: WriteAim, kind: SourceKind): void {
  if (aim.mode === 'post') {
    if (aim.container === objectIDRoot) return capabilities.require('system', 'cdmi_object_move_to_ID')
    capabilities.require('container', 'cdmi_post_dataobject')
  }
  capabilities.require('container', kind === 'container' ? 'cdmi_move_container' : 'cdmi_move_dataobject')
}
