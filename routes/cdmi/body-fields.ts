/** The fields of a CDMI body, checked and told apart: those that say what to do, those that are the server's own, those that are kept (DOC-03, CLI-04). */
import { CapabilityMissing, InvalidRequest } from '../../cdmi/errors.js'
import { bodyCheck } from '../../schemas/check-body.js'
import { ContainerBody, DataObjectBody } from '../../schemas/cdmi-body.js'
import type { Json, JsonObject } from '../../storage/contract.js'
import type { CdmiQuery } from './query.js'

const checkDataObject = bodyCheck(DataObjectBody)
const checkContainer = bodyCheck(ContainerBody)

const dataObjectFields: ReadonlySet<string> = new Set(Object.keys(DataObjectBody.properties))
const containerFields: ReadonlySet<string> = new Set(Object.keys(ContainerBody.properties))

/** As messages call it. */
export const mimetypeField = 'The field "mimetype"'

/** Ways to say what an object is to be made of; at most one of them (CMV-01). */
const sources = ['value', 'copy', 'move', 'reference', 'serialize', 'deserialize', 'deserializevalue'] as const

/** Throws InvalidRequest for fields of the wrong type. `hasValue`: there was a field `value`, which has been taken out. */
export function dataObjectBody (fields: JsonObject, hasValue: boolean): DataObjectBody {
  const wrong = checkDataObject(fields)
  if (wrong !== undefined) throw new InvalidRequest(wrong)
  const body = fields as DataObjectBody
  checkSources(fields, hasValue)
  if (body.valuetransferencoding !== undefined && sources.some(source => source !== 'value' && fields[source] !== undefined)) {
    throw new InvalidRequest('"valuetransferencoding" goes with "value" only; an object made of another one takes its encoding over')
  }
  return body
}

export function containerBody (fields: JsonObject): ContainerBody {
  const wrong = checkContainer(fields)
  if (wrong !== undefined) throw new InvalidRequest(wrong)
  checkSources(fields, false)
  return fields as ContainerBody
}

function checkSources (fields: JsonObject, hasValue: boolean): void {
  const given = sources.filter(source => source === 'value' ? hasValue : fields[source] !== undefined)
  if (given.length > 1) throw new InvalidRequest(`The fields ${given.map(name => `"${name}"`).join(' and ')} exclude each other; send one of them`)
}

/** Fields that the standard does not define for the object: kept as they are. */
export function otherFields (fields: JsonObject, kind: 'dataobject' | 'container'): JsonObject {
  const known = kind === 'dataobject' ? dataObjectFields : containerFields
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !known.has(name)))
}

/** What of the body an update is about, when its URI names fields (AMB-20). */
export function namedFields (fields: JsonObject, query: CdmiQuery): JsonObject {
  if (query.fields.length === 0) return fields
  const named = new Set(query.fields)
  // How the value is written belongs to the value. What an object is made of is no field of it.
  if (named.has('value')) named.add('valuetransferencoding')
  for (const name of sources) if (name !== 'value') named.add(name)
  return Object.fromEntries(Object.entries(fields).filter(([name]) => named.has(name)))
}

/** The fields that the standard does not define, after an update: those named in the URI and missing in the body are removed. */
export function updatedFields (before: JsonObject, given: JsonObject, query: CdmiQuery): JsonObject {
  const removed = query.fields.filter(name => !Object.hasOwn(given, name))
  const kept: [string, Json][] = Object.entries(before).filter(([name]) => !removed.includes(name))
  return { ...Object.fromEntries(kept), ...given }
}

/** Fields that ask for what is not offered. */
export function refuseUnoffered (body: DataObjectBody | ContainerBody): void {
  if (body.domainURI !== undefined) throw new CapabilityMissing('cdmi_domains', 'this server')
}
