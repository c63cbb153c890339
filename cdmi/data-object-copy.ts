/** Data objects made of others, or made like others (CMV-21 to CMV-26, DOC-31, DOC-33, DOC-78, COC-84). */
import type { RecordAttributes, ValueTransferEncoding } from '../schemas/record.js'
import type { StoredRecord } from '../storage/contract.js'
import { requireAccess } from './access.js'
import { type Address, describe, objectIDRoot } from './address.js'
import type { ModelContext } from './context.js'
import { requireUntouched } from './completion.js'
import { copiedRange, copiedValue, encodingOfRange } from './copied-value.js'
import { copiedFields, copiedMetadata, type CopySelection, type SourceSaid, takes } from './copy-selection.js'
import { changedDataObject, defaultType, newDataObject } from './data-object-record.js'
import type { Written } from './data-object-change.js'
import { Contention, SourceUnusable } from './errors.js'
import type { ObjectChange } from './mutation.js'
import { checkPreconditions, type Preconditions } from './preconditions.js'
import type { Principal } from './principal.js'
import { ownerNameOf } from './quotas.js'
import { attributesOf } from './record.js'
import { findSource, requireComplete } from './sources.js'
import { emptyValue, keepValue, type PlacedValue } from './values.js'
import { aimAt, subjectOf, type WriteAim } from './write-aim.js'

export interface Copy {
  readonly source: Address
  readonly selection: CopySelection
  readonly said: SourceSaid
}

/**
 * Copies. Throws NotFound and ParentNotFound for the destination, SourceUnusable for all that is wrong with the source, CapabilityMissing.
 */
export async function copyDataObject (context: ModelContext, principal: Principal, aim: WriteAim, copy: Copy, preconditions?: Preconditions): Promise<Written> {
  requireAccess(principal, 'write')
  const { selection, said } = copy
  const id = context.namespace.newID()
  const done = await context.gate.mutate(principal, subjectOf(aim), async () => {
    const { ancestors, record: before, name } = await aimAt(context, aim)
    requireForCopy(context, aim, copy, before, 'cdmi_object_copy_from_local')
    checkPreconditions(preconditions, before, false)
    if (!takes(selection, 'value')) requireUntouched(before, subjectOf(aim))
    const source = await findSource(context, principal, copy.source, 'dataobject')
    const { record } = source
    if (record.id === before?.id) throw new SourceUnusable(`The source ${describe(copy.source)} is the destination itself`)
    requireComplete(record, describe(copy.source))
    const { value, encoding } = takes(selection, 'value') ? await valueOf(context, record, selection) : valueBefore(before)
    const type = said.mimetype ?? (takes(selection, 'mimetype') ? attributesOf(record).mimetype : undefined)
    const taken = {
      mimetype: type ?? (before === undefined ? defaultType : undefined),
      metadata: copiedMetadata(record, selection, said, context.limits),
      fields: copiedFields(record, selection, said)
    }
    const put = before === undefined
      ? newDataObject(id, ancestors.at(-1), name ?? id, taken, value, encoding, ownerNameOf(principal))
      : changedDataObject(before, { ...taken, ...stateAfter(before, selection) }, value, encoding)
    const change: ObjectChange = before === undefined ? { operation: 'create', also: 'copy', ancestors, before, put } : { operation: 'modify', ancestors, before, put }
    return {
      changes: [change, ...await context.partialUploads.superseded([change])],
      expect: [...source.ancestors, record],
      written: { object: { record: put, ancestors }, created: before === undefined },
      source: record.id
    }
  })
  if (done === undefined) throw new Contention()
  context.accesses.note(done.source)
  if (!done.written.created) context.accesses.note(done.written.object.record.id)
  return done.written
}

interface ValueAndEncoding { readonly value: PlacedValue, readonly encoding: ValueTransferEncoding }

async function valueOf ({ store }: ModelContext, record: StoredRecord, { range: rangeOf }: CopySelection): Promise<ValueAndEncoding> {
  if (rangeOf === undefined) return { value: copiedValue(record), encoding: attributesOf(record).valuetransferencoding ?? 'base64' }
  const range = rangeOf(record.size)
  return { value: await copiedRange(store, record, range), encoding: await encodingOfRange(store, record, range) }
}

function valueBefore (before: StoredRecord | undefined): ValueAndEncoding {
  if (before === undefined) return { value: emptyValue, encoding: 'utf-8' }
  return { value: keepValue(before), encoding: attributesOf(before).valuetransferencoding ?? 'base64' }
}

/** A value makes an object complete; one that waits for its own goes on waiting when something else of it is changed. */
export function stateAfter (before: StoredRecord, selection: CopySelection): Pick<RecordAttributes, 'transfer'> & { readonly completionStatus?: string } {
  if (takes(selection, 'value')) return {}
  const { completionStatus, transfer } = attributesOf(before)
  return { completionStatus, ...(transfer === undefined ? {} : { transfer }) }
}

/** Throws CapabilityMissing. `from`: where the source is. */
export function requireForCopy ({ capabilities }: ModelContext, aim: WriteAim, { selection, said }: Pick<Copy, 'selection' | 'said'>, before: StoredRecord | undefined, from: 'cdmi_object_copy_from_local' | 'cdmi_object_copy_from_remote'): void {
  capabilities.require('system', from)
  if (selection.range !== undefined) capabilities.require('dataobject', 'cdmi_read_value_range')
  if (before === undefined) {
    if (aim.mode === 'post' && aim.container === objectIDRoot) return capabilities.require('system', 'cdmi_copy_dataobject_by_ID')
    if (aim.mode === 'post') capabilities.require('container', 'cdmi_post_dataobject')
    return capabilities.require('container', 'cdmi_copy_dataobject')
  }
  if (takes(selection, 'value')) capabilities.require('dataobject', 'cdmi_modify_value')
  if (takes(selection, 'metadata') || said.metadata !== undefined) capabilities.require('dataobject', 'cdmi_modify_metadata')
}
