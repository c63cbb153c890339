/** Data objects made of objects of other servers, or made like them (CMV-27). */
import type { ValueTransferEncoding } from '../schemas/record.js'
import type { StoredRecord } from '../storage/contract.js'
import { requireAccess } from './access.js'
import type { ModelContext } from './context.js'
import { copiedFields, copiedMetadata, type CopySelection, type SourceSaid, takes } from './copy-selection.js'
import { requireForCopy, stateAfter } from './data-object-copy.js'
import { changedDataObject, defaultType, newDataObject } from './data-object-record.js'
import type { Written } from './data-object-write.js'
import { AlreadyExists, Contention, SourceUnusable } from './errors.js'
import { storableMetadata } from './metadata.js'
import type { ObjectChange } from './mutation-gate.js'
import { checkPreconditions, type Preconditions } from './preconditions.js'
import type { Principal } from './principal.js'
import { attributesOf } from './record.js'
import { asStored, hashToMake, receiveRemote, remoteSources, requireValue } from './remote-content.js'
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
  const { ancestors, record: there } = await place()
  const remote = await sources.open(copy.uri, signal)
  const staging = new Staging(context.store)
  const { selection, said } = copy
  const received = receiveRemote(context, remote, staging, { value: takes(selection, 'value'), ranged: selection.range !== undefined, hash: hashToMake(context, ancestors) })
  let delayed = false
  try {
    if (delayedAfter !== undefined && there === undefined && context.transfers.hasRoom && !await isWithin(received, delayedAfter)) {
      const token = context.transfers.newToken()
      const written = await makePending(token)
      const { id } = written.object.record
      context.transfers.run({ token, objectID: id, principal, remote, finish: async () => { await complete(await received, token, id) }, end: () => { staging.end() } })
      delayed = true
      return written
    }
    return await commit(await received)
  } finally {
    if (!delayed) {
      remote.close()
      await received.catch(() => {})
      staging.end()
    }
  }

  async function place (): Promise<AimedAt> {
    const at = await aimAt(context, aim)
    requireForCopy(context, aim, copy, at.record, 'cdmi_object_copy_from_remote')
    checkPreconditions(preconditions, at.record, false)
    return at
  }

  /** The object, without a value: a place where progress and failure can be seen. */
  async function makePending (transfer: string): Promise<Written> {
    const id = context.namespace.newID()
    const { metadata, fields } = said
    const change = {
      mimetype: said.mimetype ?? defaultType,
      completionStatus: 'Processing',
      transfer,
      metadata: metadata === undefined ? undefined : () => storableMetadata(metadata, context.limits),
      fields: fields === undefined ? undefined : () => fields
    }
    const done = await context.gate.mutate(principal, subjectOf(aim), async () => {
      const { ancestors, record: before, name } = await place()
      if (before !== undefined) throw new AlreadyExists(subjectOf(aim))
      const put = newDataObject(id, ancestors.at(-1), name ?? id, change, emptyValue, 'utf-8')
      return {
        changes: [{ operation: 'create' as const, ancestors, before, put }, context.transfers.born(transfer, id)],
        written: { object: { record: put, ancestors }, created: true, pending: true }
      }
    })
    if (done === undefined) throw new Contention()
    return done.written
  }

  /** The same object gets what has come. It may have been moved, but was not written to. */
  async function complete (content: RemoteContent, token: string, id: string): Promise<void> {
    const { change, placed, encoding } = changeOf(content, undefined)
    await context.gate.mutate(principal, id, async () => {
      const ended = await context.transfers.ended(token)
      const object = await context.transfers.waiting(token, id)
      if (object === undefined) return { changes: ended }
      const { record: before, ancestors } = object
      const put = changedDataObject(before, { ...change, mimetype: change.mimetype ?? defaultType }, placed, encoding)
      return { changes: [{ operation: 'modify' as const, also: 'copy' as const, ancestors, before, put }, ...ended], staging, births: placed.births }
    })
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

  async function commit (content: RemoteContent): Promise<Written> {
    const id = context.namespace.newID()
    const done = await context.gate.mutate(principal, subjectOf(aim), async () => {
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
}

/** Whether it is settled in time. Does not throw what it throws. */
async function isWithin (work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>(resolve => { timer = setTimeout(resolve, milliseconds, false) })
  try {
    return await Promise.race([work.then(() => true, () => true), late])
  } finally {
    clearTimeout(timer)
  }
}
