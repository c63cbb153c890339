/** What `copy`, `move`, `serialize` and `deserialize` take from: an object that a body names. Whatever is wrong with it is wrong with the request (CMV-07, AMB-24). */
import { requireAccess } from './access.js'
import { type Address, describe } from './address.js'
import type { ModelContext } from './context.js'
import { describeError } from './describe-error.js'
import { CapabilityMissing, IsReference, MissingSlash, SourceUnusable } from './errors.js'
import type { Principal } from './principal.js'
import { attributesOf, type CdmiObject, isContainer } from './record.js'
import type { JsonObject, RecordHead } from '../storage/contract.js'

export type SourceKind = 'dataobject' | 'container'

/** The object, which is of the kind. Throws SourceUnusable, and CapabilityMissing where IDs are not offered. */
export async function findSource (context: ModelContext, principal: Principal, address: Address, kind: SourceKind): Promise<CdmiObject> {
  const object = await anySource(context, principal, address)
  if (isContainer(object.record) !== (kind === 'container')) {
    throw new SourceUnusable(kind === 'container' ? `The source ${describe(address)} is a data object, and cannot become a container` : `The source ${describe(address)} is a container, and cannot become a data object`)
  }
  return object
}

/** The same, of any kind. */
export async function anySource ({ namespace }: ModelContext, principal: Principal, address: Address): Promise<CdmiObject> {
  try {
    requireAccess(principal, 'read')
    return await namespace.get(address)
  } catch (error) {
    throw refusal(error, address)
  }
}

function refusal (error: unknown, address: Address): unknown {
  if (error instanceof CapabilityMissing) return error
  if (error instanceof IsReference) return new SourceUnusable(`The source ${describe(address)} is a reference; name the object that it leads to`)
  if (error instanceof MissingSlash) return new SourceUnusable(`The source is a container, whose URI ends in "/": ${error.path}`)
  const { status, message } = describeError(error)
  return status < 500 ? new SourceUnusable(`The source cannot be used: ${message}`) : error
}

/** Throws SourceUnusable while the value is still being written in parts (CMV-20). */
export function requireComplete (record: Pick<RecordHead, 'attributes'>, shown: string): void {
  const { completionStatus } = attributesOf(record)
  if (completionStatus !== 'Complete') throw new SourceUnusable(`The source ${shown} is not complete (its completionStatus is ${completionStatus}), so it cannot be read`)
}

/** The metadata that a copy takes over: a retention or a hold is about the one object that it was set on (RET-13). */
export function carriedMetadata (record: Pick<RecordHead, 'attributes'>): JsonObject {
  const { metadata } = attributesOf(record)
  return Object.fromEntries(Object.entries(metadata as JsonObject).filter(([name]) => !name.startsWith('cdmi_retention_') && name !== 'cdmi_hold_id'))
}

/** The fields that the standard does not define (CMV-11). */
export function carriedFields (record: Pick<RecordHead, 'attributes'>): JsonObject {
  return attributesOf(record).fields as JsonObject | undefined ?? {}
}
