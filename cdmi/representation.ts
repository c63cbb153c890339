/**
 * Objects as the standard's JSON shows them (DOC-40, DOC-51, COC-40 to COC-51, CAP-04), without `value` and `children`, which can be of any
 * length and are added by whoever sends them. Names and paths are raw, not escaped (GEN-18).
 */
import type { JsonObject } from '../storage/contract.js'
import { capabilitiesURI, type CapabilityObject } from './capability-objects.js'
import { type Known, visibleMetadata } from './metadata.js'
import { attributesOf, type CdmiObject, hasSlash, isContainer, isReference } from './record.js'

/** Media types of the standard's objects (GEN-03). */
export const objectTypes = {
  dataobject: 'application/cdmi-object',
  container: 'application/cdmi-container',
  capability: 'application/cdmi-capability'
} as const

/** What only the place of the root container in a server's URIs can tell (GEN-21). */
export interface RootPlace {
  /** `parentURI` of the root container: the URI path above the root URI, `''` when there is none. */
  readonly parentURI: string
}

/** Every field but `value`, `valuerange`, `children` and `childrenrange`, in the order in which they are sent. */
export function fieldsOf (object: CdmiObject, root: RootPlace, known: Known = {}): JsonObject {
  const { record } = object
  const attributes = attributesOf(record)
  const container = hasSlash(record)
  return {
    objectType: container ? objectTypes.container : objectTypes.dataobject,
    objectID: record.id,
    ...placeFields(object, root),
    capabilitiesURI: capabilitiesURI(container ? 'container' : 'dataobject'),
    completionStatus: attributes.completionStatus,
    ...(attributes.completionStatus === 'Complete' ? { percentComplete: '100' } : known.percentComplete === undefined ? {} : { percentComplete: known.percentComplete }),
    ...(container || isReference(record) ? {} : { mimetype: attributes.mimetype ?? 'application/octet-stream' }),
    metadata: visibleMetadata(object, known),
    ...attributes.fields
  }
}

function placeFields ({ record, ancestors }: CdmiObject, root: RootPlace): JsonObject {
  const parent = ancestors.at(-1)
  if (parent === undefined || record.name === undefined) return isContainer(record) ? { parentURI: root.parentURI } : {}
  return {
    objectName: hasSlash(record) ? `${record.name}/` : record.name,
    parentURI: rawPath(ancestors),
    parentID: parent.id
  }
}

/** The path of a container as bodies show it: from the top of the tree, names as they are. */
function rawPath (chain: CdmiObject['ancestors']): string {
  return '/' + chain.slice(1).map(record => `${record.name ?? ''}/`).join('')
}

/** The fields of a capability object, but its children. */
export function capabilityFields (object: CapabilityObject): JsonObject {
  const { objectID, objectName, parentURI, parentID, capabilities } = object
  return { objectType: objectTypes.capability, objectID, objectName, parentURI, parentID, capabilities: { ...capabilities } }
}
