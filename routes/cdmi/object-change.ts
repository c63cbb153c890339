/** From a received body to the change that it asks for (DOC-20 to DOC-39, DOC-70 to DOC-82). */
import type { DataObjectChange, ValueChange } from '../../cdmi/data-object-change.js'
import type { DataObjectWrite } from '../../cdmi/data-object-write.js'
import { defaultType, encodingOfParts } from '../../cdmi/data-object-record.js'
import { InvalidRange, InvalidRequest } from '../../cdmi/errors.js'
import { checkHonoured, updatedMetadata } from '../../cdmi/metadata.js'
import type { Cdmi } from '../../cdmi/model.js'
import { andThen } from '../../cdmi/ready.js'
import { serializedMetadata } from '../../cdmi/serialization.js'
import { attributesOf } from '../../cdmi/record.js'
import { metadataChange, type TemplateChoice } from '../../cdmi/templates.js'
import type { ValueTransferEncoding } from '../../schemas/record.js'
import type { DataObjectBody } from '../../schemas/cdmi-body.js'
import type { JsonObject } from '../../storage/contract.js'
import { valueTypeOf } from '../http/content-type.js'
import { dataObjectBody, mimetypeField, namedFields, otherFields, refuseUnoffered, updatedFields } from './body-fields.js'
import type { CdmiQuery } from './query.js'
import { asBytes, type ReceivedObject } from './receive-object.js'

export interface ChangeRequest {
  readonly cdmi: Cdmi
  readonly write: DataObjectWrite
  readonly received: ReceivedObject
  readonly query: CdmiQuery
  /** What `capabilitiesURI` of a body asks for. */
  readonly template: (capabilitiesURI: string | undefined) => TemplateChoice | undefined
  /** The client speaks CDMI 1.x. */
  readonly version1: boolean
  /** The serialization of the object that a URI names; undefined: this request takes none. */
  readonly serialize: ((uri: string) => ReturnType<Cdmi['serialize']>) | undefined
}

/** Throws InvalidRequest, InvalidRange, CapabilityMissing and what else is wrong with the body, at once where nothing is to be waited for; nothing is visible yet. */
export function objectChange (request: ChangeRequest): DataObjectChange | Promise<DataObjectChange> {
  const { cdmi, write, received, query } = request
  if (query.fields.length > 0 && received.fields['serialize'] !== undefined) throw new InvalidRequest('A URI that names fields does not go with "serialize"; nothing was changed')
  const fields = namedFields(received.fields, query)
  const body = dataObjectBody(fields, received.value !== undefined || received.parts !== undefined)
  refuseUnoffered(body)
  const template = request.template(body.capabilitiesURI)
  const others = otherFields(fields, 'dataobject')
  const selected = query.fields.length > 0
  const metadataNamed = !selected || query.fields.includes('metadata')
  const metadata = body.metadata as JsonObject | undefined
  if (metadata !== undefined) checkHonoured(metadata, cdmi.capabilities, 'dataobject')
  const names = query.metadata.length > 0 ? query.metadata : undefined
  return andThen(body.serialize === undefined ? valueChange(request, body) : serializedChange(request, body.serialize), ({ value, encoding, carried }) => ({
    value,
    encoding,
    saidEncoding: body.valuetransferencoding,
    mimetype: typeOf(body, request),
    metadata: metadataChange(template, metadataNamed && (metadata !== undefined || names !== undefined) ? before => updatedMetadata(before, metadata, names, cdmi.limits) : carried && (() => carried)),
    template,
    fields: Object.keys(others).length > 0 || selected ? before => updatedFields(before, others, query) : undefined
  }))

  function typeOf ({ mimetype }: DataObjectBody, { received }: ChangeRequest): string | undefined {
    if (mimetype !== undefined) return valueTypeOf(mimetype, mimetypeField)?.mimetype
    return write.before === undefined ? valueTypeOf(received.parts?.type ?? defaultType, 'The Content-Type of the part with the value')?.mimetype : undefined
  }
}

interface Value extends Pick<DataObjectChange, 'value' | 'encoding'> {
  /** Metadata that comes with the value, where the request has none. */
  readonly carried?: JsonObject
}

/** The value is the serialization of another object (DOC-36, SER-08, SER-12). */
async function serializedChange ({ write, serialize }: ChangeRequest, uri: string): Promise<Value> {
  if (serialize === undefined) throw new InvalidRequest('"serialize" is for objects that are made, with PUT or POST')
  if (write.isPart) throw new InvalidRequest('"serialize" does not go with parts of a value: it is all there')
  const { object, text } = await serialize(uri)
  return { ...whole(await write.stage(text), 'utf-8'), carried: serializedMetadata(object.record) }
}

function valueChange (request: ChangeRequest, body: DataObjectBody): Value | Promise<Value> {
  const { received, query, write } = request
  if (received.parts !== undefined) return partsChange(request, received.parts, body)
  if (query.values.length > 0) return rangeChange(request, body)
  const stored = write.before === undefined ? undefined : attributesOf(write.before).valuetransferencoding ?? 'base64'
  if (received.value === undefined || (query.fields.length > 0 && !query.fields.includes('value'))) return keptValue(request, body, stored)
  const { kind, staged } = received.value
  const said = body.valuetransferencoding
  // Clients of CDMI 1.x have no JSON values: what they write over one is text (GEN-45).
  const wanted: ValueTransferEncoding = said ?? (stored === 'json' && kind === 'text' && request.version1 ? 'utf-8' : stored ?? 'utf-8')
  if (wanted === 'base64') return asBytes(write, received.value).then(bytes => whole(bytes, wanted))
  if (wanted === 'json') {
    request.cdmi.capabilities.require('system', 'cdmi_valuetransferencoding_json')
    if (kind !== 'json') throw new InvalidRequest('The transfer encoding "json" wants "value" to be a JSON object')
  } else if (kind === 'json') throw new InvalidRequest('"value" is a JSON object, which needs the transfer encoding "json"; send a string, or say "valuetransferencoding": "json"')
  return whole(staged, wanted)
}

function whole (staged: Extract<ValueChange, { kind: 'whole' }>['staged'], encoding: ValueTransferEncoding): Value {
  return { value: { kind: 'whole', staged }, encoding: () => encoding }
}

/** No value in the body: it stays, but may be said to be written otherwise; of a new object it is empty. */
async function keptValue ({ write, cdmi }: ChangeRequest, { valuetransferencoding: said }: DataObjectBody, stored: ValueTransferEncoding | undefined): Promise<Value> {
  if (said === 'json') cdmi.capabilities.require('system', 'cdmi_valuetransferencoding_json')
  if (write.before === undefined) {
    if (said === 'json') throw new InvalidRequest('The transfer encoding "json" needs a "value" that is a JSON object')
    return { value: { kind: 'keep' }, encoding: () => said ?? 'utf-8' }
  }
  if (said !== undefined && said !== stored) await write.requireEncoding(said)
  return { value: { kind: 'keep' }, encoding: (_value, before) => said ?? (before === undefined ? 'utf-8' : attributesOf(before).valuetransferencoding ?? 'base64') }
}

/** `?value=first-last`: Base64 of the bytes that go there (DOC-77). */
function rangeChange ({ received, query }: ChangeRequest, body: DataObjectBody): Value {
  const [range] = query.values
  if (query.values.length > 1 || range?.first === undefined) throw new InvalidRange('A write takes one range of the value, "value=first-last"; several go in parts (multipart/mixed)')
  if (received.value === undefined) throw new InvalidRequest('The URI names a range of the value, but the body has no "value"')
  if (body.valuetransferencoding !== undefined && body.valuetransferencoding !== 'base64') throw new InvalidRequest('A range of a value is written in Base64; leave "valuetransferencoding" out')
  const { staged } = received.value
  if (!Number.isSafeInteger(range.first) || (range.last !== undefined && !Number.isSafeInteger(range.last))) throw new InvalidRange('The numbers of the range of "value" are too large; nothing was changed')
  const length = range.last === undefined ? staged.size : range.last - range.first + 1
  if (length !== staged.size) throw new InvalidRange(`The range has ${length} bytes, but "value" stands for ${staged.size}; nothing was changed`)
  return { value: { kind: 'parts', onto: 'old', parts: [{ at: range.first, staged }] }, encoding: () => 'base64' }
}

function partsChange ({ query, write, cdmi }: ChangeRequest, parts: NonNullable<ReceivedObject['parts']>, { valuetransferencoding: said }: DataObjectBody): Value {
  if (query.values.length > 0) throw new InvalidRequest('A request in parts says in the Content-Range of each part where it goes, not in its URI')
  const wanted = said ?? (parts.utf8 ? 'utf-8' : 'base64')
  if (wanted === 'json') cdmi.capabilities.require('system', 'cdmi_valuetransferencoding_json')
  const onto = parts.ranged ? 'old' : 'nothing'
  return { value: { kind: 'parts', onto, parts: parts.placed }, encoding: value => encodingOfParts(wanted, value, parts.utf8 && (onto === 'nothing' || write.before === undefined)) }
}
