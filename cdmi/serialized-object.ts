/**
 * One object of a serialization (SER-01, SER-02, SER-14, SER-19): from the fields as they stand there to what is made of it, checked like those of
 * a request. What the server makes itself is passed over (SER-16), exports are not applied (SER-15).
 */
import { bodyCheck } from '../schemas/check-body.js'
import { ContainerBody, DataObjectBody } from '../schemas/cdmi-body.js'
import type { ValueTransferEncoding } from '../schemas/record.js'
import type { JsonObject } from '../storage/contract.js'
import type { Capabilities } from './capabilities.js'
import { capabilitiesURI } from './capability-objects.js'
import type { Limits } from './limits.js'
import { CapabilityMissing, InvalidRequest } from './errors.js'
import { checkHonoured, storableMetadata } from './metadata.js'
import { checkNewName } from './names.js'
import { isObjectID } from './object-id.js'
import { checkTarget } from './references.js'
import { objectTypes } from './representation.js'
import type { StagedValue } from './values.js'

export type SerializedKind = 'dataobject' | 'container'

/** An object that is to be as its serialization says. */
export interface SerializedObject {
  readonly kind: SerializedKind
  readonly id: string
  /** Undefined: it says none, which only the topmost may. */
  readonly name: string | undefined
  /** Where a reference leads; its kind is that of its URI. Undefined: it is none. */
  readonly reference: string | undefined
  readonly metadata: JsonObject
  /** Name of the template that its data system metadata were taken from. */
  readonly template: string | undefined
  /** Those that the standard does not define (COC-16, DOC-03). */
  readonly fields: JsonObject
  /** `Complete`; or the value was withheld, since it was still being written, or never came. */
  readonly completionStatus: string
  /** Undefined: it says none. */
  readonly mimetype: string | undefined
  /** Undefined: it says none. */
  readonly encoding: ValueTransferEncoding | undefined
  /** Undefined: there is none in the serialization; what is there stays. */
  readonly value: StagedValue | undefined
  /** Undefined: there are none in the serialization; those that are there stay (SER-18). */
  readonly children: readonly SerializedObject[] | undefined
}

export interface ReadOptions {
  readonly limits: Limits
  readonly capabilities: Capabilities
  /** A media type as it is stored. Throws InvalidRequest for what is none. */
  readonly normalType: (mimetype: string) => string
  /** Told of the topmost object as soon as its kind and its ID have been read. May throw to read no more. */
  readonly onTop?: ((kind: SerializedKind, id: string) => void) | undefined
}

const checks = { dataobject: bodyCheck(DataObjectBody), container: bodyCheck(ContainerBody) } as const
const known: Readonly<Record<SerializedKind, ReadonlySet<string>>> = {
  dataobject: new Set(Object.keys(DataObjectBody.properties)),
  container: new Set(Object.keys(ContainerBody.properties))
}

/** Fields that only requests have: no object was ever read with one. */
const onlyInRequests = ['copy', 'move', 'serialize', 'deserialize', 'deserializevalue', 'snapshot'] as const

/** What `objectType` says; undefined when it is not there. Throws InvalidRequest and CapabilityMissing for what cannot be made here. */
export function kindOf ({ objectType }: JsonObject): SerializedKind | undefined {
  switch (objectType) {
    case undefined: return undefined
    case objectTypes.dataobject: return 'dataobject'
    case objectTypes.container: return 'container'
    case 'application/cdmi-queue': throw new CapabilityMissing('cdmi_queues', 'this server')
    case 'application/cdmi-domain': throw new CapabilityMissing('cdmi_domains', 'this server')
  }
  throw new InvalidRequest('"objectType" is not the media type of an object that can be deserialized, like "application/cdmi-object"')
}

/** The object with these fields. `top`: it is the whole of the serialization. Throws InvalidRequest, InvalidName, CapabilityMissing. */
export function serializedObject (fields: JsonObject, value: StagedValue | undefined, children: readonly SerializedObject[] | undefined, top: boolean, { limits, capabilities, normalType }: ReadOptions): SerializedObject {
  const kind = kindOf(fields)
  if (kind === undefined) throw new InvalidRequest('"objectType" is missing, so this is no serialized object')
  if (kind === 'container' && value !== undefined) throw new InvalidRequest('a container has no "value"')
  if (kind === 'dataobject' && children !== undefined) throw new InvalidRequest('"objectType" must stand before the field "children" of a data object')
  const wrong = checks[kind](fields)
  if (wrong !== undefined) throw new InvalidRequest(wrong.replace(/^The body/, 'the object'))
  const body = fields as DataObjectBody
  const foreign = onlyInRequests.find(name => fields[name] !== undefined && known[kind].has(name))
  if (foreign !== undefined) throw new InvalidRequest(`"${foreign}" is a field of requests, which no serialized object has`)
  // There are no domains, so no domain can be that of the container it is to be made in (SER-23).
  if (body.domainURI !== undefined) throw new CapabilityMissing('cdmi_domains', 'this server')
  checkRange(body.valuerange, value)
  checkHonoured(body.metadata as JsonObject | undefined ?? {}, capabilities, kind)
  if (body.reference !== undefined) {
    if (top) throw new InvalidRequest('a reference is made with the field "reference" of a request, not from a serialization')
    if (value !== undefined || children !== undefined) throw new InvalidRequest('a reference has neither "value" nor "children"')
    checkTarget(body.reference)
  }
  return {
    kind,
    reference: body.reference,
    id: idOf(body.objectID),
    name: nameOf(body.objectName, kind, top),
    template: templateIn(body.capabilitiesURI, kind),
    metadata: storableMetadata(body.metadata as JsonObject | undefined ?? {}, limits),
    fields: Object.fromEntries(Object.entries(fields).filter(([name]) => !known[kind].has(name))),
    completionStatus: statusOf(body.completionStatus, value),
    mimetype: kind === 'container' || body.mimetype === undefined ? undefined : normalType(body.mimetype),
    encoding: kind === 'container' ? undefined : body.valuetransferencoding,
    value,
    children
  }
}

function idOf (objectID: string | undefined): string {
  if (objectID === undefined) throw new InvalidRequest('"objectID" is missing')
  if (!isObjectID(objectID)) throw new InvalidRequest('"objectID" is no object ID: its length or its checksum is wrong')
  return objectID.toUpperCase()
}

function nameOf (objectName: string | undefined, kind: SerializedKind, top: boolean): string | undefined {
  // The topmost gets its name from the request, the others need one (SER-14).
  if (top) return undefined
  if (objectName === undefined) throw new InvalidRequest('"objectName" is missing in an object below the first one')
  const name = kind === 'container' && objectName.endsWith('/') ? objectName.slice(0, -1) : objectName
  checkNewName(name, false)
  return name
}

/** It describes an object only while it is offered here and matches, so that any name will do. */
function templateIn (uri: string | undefined, kind: SerializedKind): string | undefined {
  const start = capabilitiesURI(kind)
  return uri?.startsWith(start) === true && uri.endsWith('/') && uri.length > start.length ? uri.slice(start.length, -1) : undefined
}

function statusOf (completionStatus = 'Complete', value: StagedValue | undefined): string {
  if (completionStatus === 'Complete' || completionStatus === 'Processing') return completionStatus
  if (!completionStatus.startsWith('Error')) throw new InvalidRequest('"completionStatus" must be "Complete", "Processing", or begin with "Error"')
  if (value !== undefined) throw new InvalidRequest('an object whose "completionStatus" begins with "Error" has no "value"')
  return completionStatus
}

/** A part of a value is not a value. */
function checkRange (range: string | undefined, value: StagedValue | undefined): void {
  if (range === undefined || value === undefined || range === '') return
  if (!/^0-\d+$/.test(range)) throw new InvalidRequest('"valuerange" must be like "0-99": all of the value is needed, from its first byte on')
}
