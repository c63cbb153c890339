/** Deleting: data objects, and containers with all below them, by path or by ID (HDO-60, HCO-04, DOC-90). */
import { requireAccess } from './access.js'
import { type Address, describe } from './address.js'
import type { ModelContext } from './context.js'
import { RootUndeletable } from './errors.js'
import { checkPreconditions, type Preconditions } from './preconditions.js'
import type { Principal } from './principal.js'
import { isContainer } from './record.js'

/**
 * The object, and all below a container, is gone for every reader at once; the store clears up in the background.
 * Throws NotFound, MissingSlash, RootUndeletable.
 */
export async function removeObject (context: ModelContext, principal: Principal, address: Address, preconditions?: Preconditions): Promise<void> {
  requireAccess(principal, 'write')
  await context.gate.mutate(principal, describe(address), async () => {
    const { record, ancestors } = await context.namespace.get(address, true)
    checkPreconditions(preconditions, record, false)
    if (isContainer(record)) context.capabilities.require('container', 'cdmi_delete_container')
    else context.capabilities.require('dataobject', 'cdmi_delete_dataobject')
    if (context.namespace.isRoot(record)) throw new RootUndeletable()
    return {
      changes: [{ operation: 'delete' as const, ancestors, before: record, remove: { id: record.id, version: record.version, subtree: isContainer(record) } }]
    }
  })
}
