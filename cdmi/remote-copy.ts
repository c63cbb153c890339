/** Data objects made of objects of other servers, or made like them (CMV-27). */
import type { ValueTransferEncoding } from '../schemas/record.js'
import type { StoredRecord } from '../storage/contract.js'
import { requireAccess } from './access.js'
import { requireUntouched } from './completion.js'
import type { ModelContext } from './context.js'
import { copiedFields, copiedMetadata, type CopySelection, type SourceSaid, takes } from './copy-selection.js'
import { requireForCopy, stateAfter } from './data-object-copy.js'
import { changedDataObject, defaultType, newDataObject } from './data-object-record.js'
import type { Written } from './data-object-change.js'
import { type Mark, type Marked, mayBeDelayed } from './delayed.js'
import { Contention, SourceUnusable } from './errors.js'
import { storableMetadata } from './metadata.js'
import type { Mutation, ObjectChange } from './mutation.js'
import { checkPreconditions, type Preconditions } from './preconditions.js'
import type { Principal } from './principal.js'
import { attributesOf } from './record.js'
import { asStored, hashToMake, receiveRemote, remoteSources, remoteWork, requireValue } from './remote-content.js'
import type { RemoteContent } from './remote-sources.js'
import { Staging } from './staging.js'
import { emptyValue, keepValue, type PlacedValue, placeWhole } from './values.js'
import { type AimedAt, aimAt, subjectOf, type WriteAim } from './write-aim.js'

export interface RemoteCopy {
  /** With its query, which is the other server's to understand. */
  readonly uri: string
  /** Fields that the URI names. */
  readonly named: readonly string[]
  readonly selection: CopySelection
  readonly said: SourceSaid
}

export interface RemoteOptions {
  readonly preconditions?: Preconditions | undefined
  /** Nobody waits any more. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds after which a new object is answered for before it is complete; undefined: never. */
  readonly delayedAfter?: number | undefined
}

/** Fields that a server without CDMI cannot choose: in its URIs they mean something else, or nothing. */
const chosen: ReadonlySet<string> = new Set(['value', 'valuetransferencoding', 'mimetype', 'metadata'])

/** Copies. Throws NotFound and ParentNotFound for the destination, SourceUnusable for all that is wrong with the source, CapabilityMissing. */
export async function copyRemoteObject (context: ModelContext, principal: Principal, aim: WriteAim, copy: RemoteCopy, { preconditions, signal, delayedAfter }: RemoteOptions = {}): Promise<Written> {
  requireAccess(principal, 'write')
  const sources = remoteSources(context, 'cdmi_object_copy_from_remote')
  if (copy.said.metadata !== undefined) storableMetadata(copy.said.metadata, context.limits)
  const { ancestors, record: there } = await place()
  const remote = await sources.open(copy.uri, signal)
  const staging = new Staging(context.store)
  const { selection, said } = copy
  const id = context.namespace.newID()
  return await mayBeDelayed(context, {
    principal,
    // What is there is changed while the client waits (DOC-84).
    delayedAfter: there === undefined ? delayedAfter : undefined,
    work: remoteWork(remote),
    id: Promise.resolve(id),
    async mark (transfer) {
      const { ancestors, record: before, name } = await place()
      if (before !== undefined) return undefined
      const { metadata, fields } = said
      const put = newDataObject(id, ancestors.at(-1), name ?? id, {
        mimetype: said.mimetype ?? defaultType,
        completionStatus: 'Processing',
        transfer,
        metadata: metadata === undefined ? undefined : () => storableMetadata(metadata, context.limits),
        fields: fields === undefined ? undefined : () => fields
      }, emptyValue, 'utf-8')
      return { changes: [{ operation: 'create', ancestors, before, put }], written: { object: { record: put, ancestors }, created: true } }
    },
    async run (mark) {
      return await commit(await receiveRemote(context, remote, staging, { value: takes(selection, 'value'), ranged: selection.range !== undefined, hash: hashToMake(context, ancestors), room: await context.quotas.room(principal, ancestors, there) }), mark)
    },
    end () {
      remote.close()
      staging.end()
    }
  })

  async function place (): Promise<AimedAt> {
    const at = await aimAt(context, aim)
    requireForCopy(context, aim, copy, at.record, 'cdmi_object_copy_from_remote')
    checkPreconditions(preconditions, at.record, false)
    if (!takes(copy.selection, 'value')) requireUntouched(at.record, subjectOf(aim))
    return at
  }

  function changeOf (content: RemoteContent, before: StoredRecord | undefined): { change: Parameters<typeof newDataObject>[3], placed: PlacedValue, encoding: ValueTransferEncoding } {
    if (!content.cdmi && copy.named.some(name => chosen.has(name))) {
      throw new SourceUnusable('The server of the source does not speak CDMI, so its URI cannot name fields')
    }
    const value = takes(selection, 'value') ? requireValue(content) : undefined
    const source = asStored(context, content)
    const type = said.mimetype ?? (takes(selection, 'mimetype') ? content.mimetype : undefined)
    return {
      change: {
        mimetype: type ?? (before === undefined ? defaultType : undefined),
        // Nothing is known of what a server without CDMI has not: what was there stays.
        metadata: content.cdmi || said.metadata !== undefined ? copiedMetadata(source, selection, said, context.limits) : undefined,
        fields: content.cdmi || said.fields !== undefined ? copiedFields(source, selection, said) : undefined
      },
      placed: value !== undefined ? placeWhole(value.staged) : before === undefined ? emptyValue : keepValue(before),
      encoding: value?.encoding ?? (before === undefined ? 'utf-8' : attributesOf(before).valuetransferencoding ?? 'base64')
    }
  }

  async function commit (content: RemoteContent, mark: Mark): Promise<Written> {
    const done = await context.gate.mutate(principal, subjectOf(aim), async () => {
      const marked = await mark.find()
      if (marked !== undefined) return completion(content, marked)
      const { ancestors, record: before, name } = await place()
      const { change, placed, encoding } = changeOf(content, before)
      const put = before === undefined
        ? newDataObject(id, ancestors.at(-1), name ?? id, change, placed, encoding)
        : changedDataObject(before, { ...change, ...stateAfter(before, selection) }, placed, encoding)
      const made: ObjectChange = before === undefined ? { operation: 'create', also: 'copy', ancestors, before, put } : { operation: 'modify', ancestors, before, put }
      return {
        changes: [made, ...await context.partialUploads.superseded([made])],
        staging,
        births: placed.births,
        written: { object: { record: put, ancestors }, created: before === undefined }
      }
    })
    if (done === undefined) throw new Contention()
    if (!done.written.created) context.accesses.note(done.written.object.record.id)
    return done.written
  }

  /** The object gets what has come, wherever it is by now. */
  function completion (content: RemoteContent, { object: { record: before, ancestors }, ended }: Marked): Mutation & { readonly written: Written } {
    const { change, placed, encoding } = changeOf(content, undefined)
    const put = changedDataObject(before, change, placed, encoding)
    return {
      changes: [{ operation: 'modify', also: 'copy', ancestors, before, put }, ...ended],
      staging,
      births: placed.births,
      written: { object: { record: put, ancestors }, created: true }
    }
  }
}
