/**
 * Objects as the standard's JSON shows them (DOC-40, DOC-51, COC-40 to COC-51, CAP-04), without `value` and `children`, which can be of any
 * length and are added by whoever sends them. Names and paths are raw, not escaped (GEN-18).
 */
import type { JsonObject, StoredRecord } from '../storage/contract.js'
import type { Capabilities } from './capabilities.js'
import { capabilitiesURI, type CapabilityObject } from './capability-objects.js'
import { shownStatus } from './completion.js'
import { inheritedMetadata, type Known, visibleMetadata } from './metadata.js'
import { attributesOf, type CdmiObject, hasSlash, isContainer, isReference } from './record.js'
import { templateOf } from './templates.js'

/** Media types of the standard's objects (GEN-03). */
export const objectTypes = {
  dataobject: 'application/cdmi-object',
  container: 'application/cdmi-container',
  capability: 'application/cdmi-capability'
} as const

/** What the fields of an object depend on beside its records. */
export interface RootPlace {
  /** `parentURI` of the root container: the URI path above the root URI, `''` when there is none (GEN-21). Only a door knows it. */
  readonly parentURI: string
  readonly capabilities: Capabilities
}

/** What is above an object, as far as its fields show it. */
export interface Surroundings {
  /** Undefined: there is nothing above. */
  readonly parent: { readonly parentURI: string, readonly parentID: string } | undefined
  /** Data system metadata from there. */
  readonly inherited: JsonObject
}

/** Every field but `value`, `valuerange`, `children` and `childrenrange`, in the order in which they are sent. */
export function fieldsOf (object: CdmiObject, root: RootPlace, known: Known = {}): JsonObject {
  const { record, ancestors } = object
  const above = ancestors.at(-1)
  return fieldsWithin(record, {
    parent: above === undefined ? undefined : { parentURI: rawPath(ancestors), parentID: above.id },
    inherited: inheritedMetadata(ancestors)
  }, root, known)
}

/** The same for one of many in the same place. */
export function fieldsWithin (record: StoredRecord, { parent, inherited }: Surroundings, root: RootPlace, known: Known = {}): JsonObject {
  const attributes = attributesOf(record)
  const container = hasSlash(record)
  const completionStatus = known.updating === true ? 'Processing' : known.whole === true ? attributes.completionStatus : shownStatus(record)
  const scope = container ? 'container' : 'dataobject'
  // Field by field: this is done for every read, and for every child of some listings, and spreading many small objects costs more than all the rest.
  const fields: JsonObject = { objectType: container ? objectTypes.container : objectTypes.dataobject, objectID: record.id }
  if (parent !== undefined && record.name !== undefined) {
    fields['objectName'] = container ? `${record.name}/` : record.name
    fields['parentURI'] = parent.parentURI
    fields['parentID'] = parent.parentID
  } else if (isContainer(record)) fields['parentURI'] = root.parentURI
  fields['capabilitiesURI'] = capabilitiesURI(scope, templateOf(record, root.capabilities.templates(scope)))
  fields['completionStatus'] = completionStatus
  const percentComplete = completionStatus === 'Complete' ? '100' : known.percentComplete
  if (percentComplete !== undefined) fields['percentComplete'] = percentComplete
  if (!container && !isReference(record)) fields['mimetype'] = attributes.mimetype ?? 'application/octet-stream'
  fields['metadata'] = visibleMetadata(record, inherited, known, root.capabilities.placement(scope))
  return attributes.fields === undefined ? fields : Object.assign(fields, attributes.fields)
}

/** The path of a container as bodies show it: from the top of the tree, names as they are. */
export function rawPath (chain: CdmiObject['ancestors']): string {
  return '/' + chain.slice(1).map(record => `${record.name ?? ''}/`).join('')
}

/** The fields of a capability object, but its children. */
export function capabilityFields (object: CapabilityObject): JsonObject {
  const { objectID, objectName, parentURI, parentID, capabilities, metadata } = object
  return { objectType: objectTypes.capability, objectID, objectName, parentURI, parentID, capabilities: { ...capabilities }, ...(metadata === undefined ? {} : { metadata }) }
}
