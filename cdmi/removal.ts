/** Deleting: data objects, and containers with all below them, by path or by ID (HDO-60, HCO-04, DOC-90). */
import { requireAccess } from './access.js'
import { type Address, describe } from './address.js'
import type { ModelContext } from './context.js'
import { RootUndeletable } from './errors.js'
import { checkRemovable } from './names.js'
import { checkPreconditions, type Preconditions } from './preconditions.js'
import type { Principal } from './principal.js'
import { type CdmiObject, isContainer, isReference } from './record.js'

/**
 * The object, and all below a container, is gone for every reader at once; the store clears up in the background.
 * Of a reference only itself is gone (GEN-49). Throws NotFound, MissingSlash, InvalidName, RootUndeletable; `removes` sees the object before, and may throw to refuse.
 */
export async function removeObject (context: ModelContext, principal: Principal, address: Address, preconditions?: Preconditions, removes: (object: CdmiObject) => void = () => {}): Promise<void> {
  requireAccess(principal, 'write')
  checkRemovable(address.names.at(-1))
  await context.gate.mutate(principal, describe(address), async () => {
    const object = await context.namespace.get(address, true)
    const { record, ancestors } = object
    removes(object)
    checkPreconditions(preconditions, record, false)
    if (isContainer(record)) context.capabilities.require('container', 'cdmi_delete_container')
    else if (!isReference(record)) context.capabilities.require('dataobject', 'cdmi_delete_dataobject')
    if (context.namespace.isRoot(record)) throw new RootUndeletable()
    return {
      changes: [{ operation: 'delete' as const, ancestors, before: record, remove: { id: record.id, version: record.version, subtree: isContainer(record) } }]
    }
  })
}
