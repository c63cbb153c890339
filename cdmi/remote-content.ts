/** From the answer of another server to the record of an object here: what copies and moves from there share. */
import { toStored } from './record.js'
import type { RecordHead, StoredRecord } from '../storage/contract.js'
import type { ModelContext } from './context.js'
import { describeError } from './describe-error.js'
import { CapabilityMissing, SourceUnusable } from './errors.js'
import { inheritedMetadata, storableMetadata } from './metadata.js'
import type { Room } from './quotas.js'
import type { ReceiveOptions, RemoteContent, RemoteObject, RemoteSources } from './remote-sources.js'
import type { Staging } from './staging.js'
import type { Work } from './transfers.js'
import { stagedContent, stageValue, type ValueSource } from './values.js'
import type { HashAlgorithm } from './value-hash.js'
import { wantedHash } from './value-hashes.js'

/** Whoever speaks to other servers. Throws CapabilityMissing when nobody does. */
export function remoteSources ({ remote }: ModelContext, capability: string): RemoteSources {
  if (remote === undefined) throw new CapabilityMissing(capability, 'this server')
  return remote
}

/** What of it has come, and how to read no more. */
export function remoteWork (remote: RemoteObject): Work {
  return {
    get percent () {
      const { length, received } = remote
      return length === undefined || length === 0 ? undefined : Math.min(99, Math.floor(received / length * 100))
    },
    stop () { remote.close() }
  }
}

export interface IntakeOptions {
  readonly hash: HashAlgorithm | undefined
  /** What may still come; undefined: as much as it likes. */
  readonly room?: Room | undefined
  /** Sees the bytes of the value go by. */
  readonly watch?: ((source: ValueSource) => ValueSource) | undefined
}

/** Reads it all. Whatever is wrong with it is SourceUnusable; what is wrong with this server stays what it is. */
export async function receiveRemote ({ store, limits }: ModelContext, remote: RemoteObject, staging: Staging, options: ReceiveOptions & IntakeOptions): Promise<RemoteContent> {
  const { hash, room, watch = source => source } = options
  try {
    return await remote.receive({
      stage: async (source, more) => await stageValue(store, staging, watch(source), { hash, room, ...more, limit: limits.value }),
      reread: staged => stagedContent(store, staged)
    }, options)
  } catch (error) {
    throw unusable(error)
  }
}

function unusable (error: unknown): unknown {
  if (error instanceof SourceUnusable) return error
  const { status, message } = describeError(error)
  if (status >= 500) return error
  return new SourceUnusable(`What the server of the source sent cannot be used: ${message.replace(/; nothing was (?:stored|changed)$/, '')}`)
}

/** The hash that will be wanted of the value, as far as can be known before it has come. */
export function hashToMake ({ capabilities }: ModelContext, ancestors: readonly StoredRecord[]): HashAlgorithm | undefined {
  return capabilities.has('dataobject', 'cdmi_value_hash') ? wantedHash(undefined, inheritedMetadata(ancestors)) : undefined
}

/** What it says of itself, as if it were stored here. Throws SourceUnusable beyond the limits. */
export function asStored ({ limits }: ModelContext, { metadata, fields }: RemoteContent): Pick<RecordHead, 'attributes'> {
  try {
    return { attributes: toStored({ metadata: storableMetadata(metadata ?? {}, limits), ...(fields === undefined ? {} : { fields }), completionStatus: 'Complete', created: 0, modified: 0 }) }
  } catch (error) {
    throw unusable(error)
  }
}

/** Throws SourceUnusable for an object without a value, or one that is still being written (CMV-20). */
export function requireValue ({ completionStatus = 'Complete', value }: RemoteContent): NonNullable<RemoteContent['value']> {
  if (completionStatus !== 'Complete') throw new SourceUnusable('The source is not complete, so there is no value to take')
  if (value === undefined) throw new SourceUnusable('The server of the source sent an object without a value')
  return value
}
