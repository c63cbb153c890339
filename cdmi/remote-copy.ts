/** Data objects made of objects of other servers, or made like them (CMV-27). */
import { requireAccess } from './access.js'
import type { ModelContext } from './context.js'
import { copiedFields, copiedMetadata, type CopySelection, type SourceSaid, takes } from './copy-selection.js'
import { requireForCopy } from './data-object-copy.js'
import { changedDataObject, newDataObject } from './data-object-record.js'
import { emptyValue, type Written } from './data-object-write.js'
import { Contention, SourceUnusable } from './errors.js'
import { checkPreconditions, type Preconditions } from './preconditions.js'
import type { Principal } from './principal.js'
import { attributesOf } from './record.js'
import { asStored, hashToMake, receiveRemote, remoteSources, requireValue } from './remote-content.js'
import type { RemoteContent } from './remote-sources.js'
import { Staging } from './staging.js'
import { keepValue, placeWhole } from './values.js'
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
  /** More is to come. */
  readonly partial?: boolean | undefined
  readonly preconditions?: Preconditions | undefined
  /** Nobody waits any more. */
  readonly signal?: AbortSignal | undefined
}

/** Type of a new object when the one of the source is not taken (DOC-24). */
const defaultType = 'text/plain'

/** Fields that a server without CDMI cannot choose: in its URIs they mean something else, or nothing. */
const chosen: ReadonlySet<string> = new Set(['value', 'valuetransferencoding', 'mimetype', 'metadata'])

/** Copies. Throws NotFound and ParentNotFound for the destination, SourceUnusable for all that is wrong with the source, CapabilityMissing. */
export async function copyRemoteObject (context: ModelContext, principal: Principal, aim: WriteAim, copy: RemoteCopy, { partial = false, preconditions, signal }: RemoteOptions = {}): Promise<Written> {
  requireAccess(principal, 'write')
  const sources = remoteSources(context, 'cdmi_object_copy_from_remote')
  const { ancestors } = await place()
  const remote = await sources.open(copy.uri, signal)
  const staging = new Staging(context.store)
  try {
    const { selection } = copy
    const content = await receiveRemote(context, remote, staging, { value: takes(selection, 'value'), ranged: selection.range !== undefined, hash: hashToMake(context, ancestors) })
    return await commit(content)
  } finally {
    remote.close()
    staging.end()
  }

  async function place (): Promise<AimedAt> {
    const at = await aimAt(context, aim)
    requireForCopy(context, aim, copy, at.record, 'cdmi_object_copy_from_remote')
    checkPreconditions(preconditions, at.record, false)
    return at
  }

  async function commit (content: RemoteContent): Promise<Written> {
    const { selection, said } = copy
    if (!content.cdmi && copy.named.some(name => chosen.has(name))) {
      throw new SourceUnusable('The server of the source does not speak CDMI, so its URI cannot name fields')
    }
    const value = takes(selection, 'value') ? requireValue(content) : undefined
    const source = asStored(context, content)
    const id = context.namespace.newID()
    const done = await context.gate.mutate(principal, subjectOf(aim), async () => {
      const { ancestors, record: before, name } = await place()
      const type = said.mimetype ?? (takes(selection, 'mimetype') ? content.mimetype : undefined)
      const change = {
        mimetype: type ?? (before === undefined ? defaultType : undefined),
        partial,
        // Nothing is known of what a server without CDMI has not: what was there stays.
        metadata: content.cdmi || said.metadata !== undefined ? copiedMetadata(source, selection, said, context.limits) : undefined,
        fields: content.cdmi || said.fields !== undefined ? copiedFields(source, selection, said) : undefined
      }
      const placed = value !== undefined ? placeWhole(value.staged) : before === undefined ? emptyValue : keepValue(before)
      const encoding = value?.encoding ?? (before === undefined ? 'utf-8' : attributesOf(before).valuetransferencoding ?? 'base64')
      const put = before === undefined
        ? newDataObject(id, ancestors.at(-1), name ?? id, change, placed, encoding)
        : changedDataObject(before, change, placed, encoding)
      return {
        changes: [before === undefined ? { operation: 'create' as const, also: 'copy' as const, ancestors, before, put } : { operation: 'modify' as const, ancestors, before, put }],
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
