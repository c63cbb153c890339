/** The object that another one is to be made of. Whatever is wrong with it is wrong with the request that names it (CMV-07). */
import type { JsonObject, StoredRecord } from '../storage/contract.js'
import { requireAccess } from './access.js'
import { type Address, describe } from './address.js'
import type { ModelContext } from './context.js'
import { Forbidden, InvalidRequest, IsNotContainer, MissingSlash, NotFound, Unauthorized } from './errors.js'
import type { Principal } from './principal.js'
import { attributesOf, type CdmiObject } from './record.js'

const refusals = [Forbidden, IsNotContainer, MissingSlash, NotFound, Unauthorized] as const

/** Throws InvalidRequest, also for an object whose value has not arrived whole (CMV-20). */
export async function sourceObject (context: ModelContext, principal: Principal, address: Address): Promise<CdmiObject> {
  try {
    requireAccess(principal, 'read')
    const object = await context.namespace.get(address)
    const { completionStatus } = attributesOf(object.record)
    if (completionStatus !== 'Complete') throw new InvalidRequest(`The source ${describe(address)} has the completionStatus "${completionStatus}", so its value cannot be read; nothing was changed`)
    return object
  } catch (error) {
    const refusal = refusals.some(Refusal => error instanceof Refusal)
    throw refusal && error instanceof Error ? new InvalidRequest(`The source cannot be read: ${error.message}; nothing was changed`) : error
  }
}

/** Metadata that is about one object alone: it does not pass to what is made of it. */
const notCarried = /^cdmi_(?:retention_|hold_id$|versioning$|versions_|enc_)/

/** Metadata of an object that something made of it takes over, where the request has none of its own (CMV-04, SER-12). */
export function carriedMetadata (record: StoredRecord): JsonObject {
  const { metadata } = attributesOf(record)
  return Object.fromEntries(Object.entries(metadata as JsonObject).filter(([name]) => !notCarried.test(name)))
}
