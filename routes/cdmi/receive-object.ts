/** The body of a request for a data object: its JSON, and its value on the way into the store (DOC-24 to DOC-39, DOC-75 to DOC-81). */
import type { DataObjectWrite } from '../../cdmi/data-object-write.js'
import { InvalidRange, InvalidRequest, NotUtf8 } from '../../cdmi/errors.js'
import type { PlacedPart } from '../../cdmi/place-parts.js'
import type { Intake } from '../../cdmi/remote-sources.js'
import type { StagedValue, ValueSource } from '../../cdmi/values.js'
import type { JsonObject } from '../../storage/contract.js'
import { parseContentRange } from '../http/content-range.js'
import { parseMediaType } from '../http/content-type.js'
import { decodeBase64 } from '../../cdmi/codecs/base64.js'
import { readCdmiBody } from './json-body.js'
import { cdmiTypeOf } from './media-types.js'
import { boundaryOf, readMultipartMixed } from './multipart-mixed.js'
import type { SerializedInput } from './serialized-input.js'

/** `text`: a JSON string, as UTF-8; `bytes`: what a Base64 string stood for; `json`: an object, as it was written. */
export interface ReceivedValue {
  readonly kind: 'text' | 'bytes' | 'json'
  readonly staged: StagedValue
}

export interface ReceivedObject {
  /** But `value`. */
  readonly fields: JsonObject
  readonly value: ReceivedValue | undefined
  /** Of a request in parts: what came behind the JSON. */
  readonly parts: ReceivedParts | undefined
}

export interface ReceivedParts {
  readonly placed: readonly PlacedPart[]
  /** Some part says where it goes: the rest of an old value stays. */
  readonly ranged: boolean
  /** All parts say that they are UTF-8, and are. */
  readonly utf8: boolean
  /** Content-Type of the first of them. */
  readonly type: string | undefined
}

/** A body of JSON. `base64`: whatever its fields say, the value is Base64 (a range of it, DOC-05). */
export async function receiveJson (write: Intake, source: ValueSource, base64: boolean, input?: SerializedInput): Promise<ReceivedObject> {
  let value: ReceivedValue | undefined
  const fields = await readCdmiBody(source, {
    async onSerialized (text) {
      if (input === undefined) throw new InvalidRequest('There is no serialization to be read here')
      await input.readBase64(text)
    },
    async onValue (found, before) {
      if (found.kind === 'other') throw new InvalidRequest('The field "value" must be a string or, with the transfer encoding "json", an object')
      if (found.kind !== 'string') value = { kind: 'json', staged: await write.stage(found.json) }
      else if (base64 || before['valuetransferencoding'] === 'base64') value = { kind: 'bytes', staged: await write.stage(decodeBase64(found.text)) }
      else value = { kind: 'text', staged: await write.stage(found.text) }
    }
  })
  return { fields, value, parts: undefined }
}

/** The same value as bytes: the encoding may have been named behind it. */
export async function asBytes (write: Intake, value: ReceivedValue): Promise<StagedValue> {
  if (value.kind === 'json') throw new InvalidRequest('The transfer encoding "base64" wants "value" to be a string of Base64, not an object')
  return value.kind === 'bytes' ? value.staged : await write.stage(decodeBase64(write.reread(value.staged)))
}

/** A body in parts: JSON first, then the value, or ranges of it (DOC-38, DOC-81, AMB-21). */
export async function receiveParts (write: DataObjectWrite, source: ValueSource, contentType: string, input: SerializedInput): Promise<ReceivedObject> {
  let fields: JsonObject | undefined
  const gathered = write.gather()
  let count = 0
  let ranged = false
  let utf8 = true
  let type: string | undefined
  let end = 0
  let serialized = 0
  for await (const { headers, body } of readMultipartMixed(source, contentType)) {
    const partType = headers.get('content-type')
    if (fields === undefined) {
      if (cdmiTypeOf(partType) !== 'object') throw new InvalidRequest('The first part must have the Content-Type application/cdmi-object: it says what the other parts are for')
      fields = await readCdmiBody(body, { async onValue () { throw new InvalidRequest('A request in parts has its value in the parts behind the first one, not in the field "value"') } })
      continue
    }
    if (fields['deserializevalue'] !== undefined) {
      if (fields['deserializevalue'] !== boundaryOf(contentType)) throw new InvalidRequest('In a request in parts "deserializevalue" must be the boundary between them: the second part is the serialization')
      if (++serialized > 2) throw new InvalidRequest('Behind a serialization there may be one part more, its value')
      if (serialized === 1) await input.read(body)
      else await input.readValue(body, isDeclaredUtf8(partType))
      continue
    }
    const range = parseContentRange(headers.get('content-range'))
    const declared = isDeclaredUtf8(partType)
    const staged = await write.stage(body, { utf8: declared ? 'observe' : undefined })
    if (range !== undefined && range.length !== staged.size) throw new InvalidRange(`A part has ${staged.size} bytes, but its Content-Range ${range.length}; nothing was stored`)
    if (declared && staged.utf8 === false) throw new NotUtf8()
    ranged ||= range !== undefined
    utf8 &&= declared
    if (count++ === 0) type = partType
    const at = range?.offset ?? end
    await gathered.add(at, staged)
    end = at + staged.size
  }
  if (fields !== undefined && serialized > 0) return { fields, value: undefined, parts: undefined }
  if (fields === undefined || count === 0) throw new InvalidRequest('A request in parts has at least two: the JSON of the object, and its value')
  return { fields, value: undefined, parts: { placed: await gathered.parts(), ranged, utf8, type } }
}

function isDeclaredUtf8 (type: string | undefined): boolean {
  if (type === undefined) return false
  return parseMediaType(type)?.parameters.some(([name, value]) => name === 'charset' && value.toLowerCase() === 'utf-8') === true
}
