/** What is made wrong in bodies: fields of the wrong type, broken JSON and Base64, forms and parts of all broken kinds, text that is not UTF-8. */
import { type Draft, setHeader } from './draft.js'
import * as hostile from './hostile.js'
import { mutated, mutatedText } from './mutation.js'
import type { Random } from './random.js'
import { boundary, formParts, mixedParts, multipart, type Part } from './requests.js'

/** All that the standard knows, some that it does not, and some of the language. */
const fields = ['objectType', 'objectID', 'objectName', 'parentURI', 'parentID', 'domainURI', 'capabilitiesURI', 'completionStatus', 'percentComplete', 'mimetype', 'metadata', 'valuerange', 'valuetransferencoding', 'value', 'copy', 'move', 'reference', 'serialize', 'deserialize', 'deserializevalue', 'exports', 'snapshot', 'snapshots', 'children', 'childrenrange', 'queueValues', 'own', '__proto__', 'constructor', 'toString', '', '\u0000', 'x'.repeat(3000)] as const
/** What says where an object comes from. Only of names in the place of the case, or of none: a right request must not reach what is watched. */
const sources: ReadonlySet<string> = new Set(['copy', 'move', 'reference', 'serialize', 'deserialize'])
const metadata = ['cdmi_size', 'cdmi_ctime', 'cdmi_acl', 'cdmi_value_hash', 'cdmi_data_redundancy', 'cdmi_geographic_placement', 'cdmi_retention_period', 'cdmi_hold_id', 'cdmi_unknown', 'cdmi_cors', 'cdmi_authentication_methods', 'cdmi_encryption', '__proto__', 'constructor', '', 'a'] as const
const hashes = ['SHA256', 'SHA1', 'MD5', '', 'x', 'SHA512 ']

type Json = Record<string, unknown>

function asJson (body: Buffer | undefined): Json | undefined {
  try {
    const value: unknown = JSON.parse(body?.toString() ?? '')
    // What is nested too deep to be written again is wrong enough.
    JSON.stringify(value)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

function wrongField (random: Random, draft: Draft, json: Json): void {
  const name = random.pick(fields)
  if (sources.has(name)) json[name] = random.once(3) ? random.pick([null, 1, true, [], {}, '']) : wrongSource(random, draft)
  else if (name === 'metadata') json[name] = random.once(3) ? hostile.anyJson(random) : { [random.pick(metadata)]: random.once(3) ? random.pick(hashes) : hostile.anyJson(random, 2) }
  else if (name === 'deserializevalue') json[name] = random.once(2) ? random.pick(hostile.base64s) : wrongSerialization(random)
  else if (name === 'valuetransferencoding') json[name] = random.pick(['utf-8', 'base64', 'json', 'UTF-8', 'utf-16', '', null, 1, []])
  else if (name === 'value' && random.once(2)) json[name] = random.pick(hostile.base64s)
  else Object.defineProperty(json, name, { value: hostile.anyJson(random), enumerable: true, configurable: true, writable: true })
}

/** The place of a case begins like this; what is below is its own. */
const placed = /\/play\/c\d+\//

function wrongSource (random: Random, draft: Draft): string {
  const place = placed.exec(draft.target)?.[0]
  const name = random.once(2) ? random.pick(hostile.segments) : random.pick(['o', 'b', 'p', 'r', 'sub/', 'sub', 'sub/x', 'serialized', 'none', ''])
  const query = random.once(3) ? `?${random.pick(hostile.queries)}` : ''
  const path = `${place ?? '/play/none/'}${Buffer.from(name, 'latin1').toString()}${query}`
  return random.once(6) ? `${random.pick(['http://127.0.0.1:1', 'http://store.example', 'https://other.example', '/cdmi/2.0.0', '//', 'file://', 'http://u:p@store.example', '/cdmi/2.0.0/cdmi/2.0.0', '/cdmi_objectid/00'])}${path}` : path
}

function wrongSerialization (random: Random): string {
  const text = { objectType: random.pick(['application/cdmi-object', 'application/cdmi-container', 'application/cdmi-queue', '', 1]), objectID: random.pick(['00007ED90010D891022876A8DE0BC0FD', '', 'x', null, 'F'.repeat(80)]), objectName: random.pick(hostile.texts), metadata: hostile.anyJson(random), children: hostile.anyJson(random), valuetransferencoding: random.pick(['utf-8', 'base64', 'json', 'x']), value: hostile.anyJson(random) }
  return (random.once(2) ? mutated(random, Buffer.from(JSON.stringify(text))) : Buffer.from(JSON.stringify(text))).toString('base64')
}

function breakJson (random: Random, draft: Draft): void {
  const json = asJson(draft.body)
  if (json === undefined || random.once(4)) {
    draft.body = random.once(4) ? Buffer.from(`{"value":${JSON.stringify(hostile.anyJson(random))},"metadata":`) : hostile.anyJsonText(random)
  } else {
    for (let n = random.between(1, 3); n > 0; n--) wrongField(random, draft, json)
    if (random.once(6)) for (const name of Object.keys(json)) if (random.once(2)) Reflect.deleteProperty(json, name)
    draft.body = Buffer.from(JSON.stringify(json))
    if (random.once(6)) draft.body = mutated(random, draft.body, 1)
  }
}

const dispositions = ['', 'form-data', 'form-data; name', 'form-data; name=', 'form-data; name="', 'form-data; name="f"; filename', 'form-data; name="f"; filename="', 'form-data; name="f"; filename=""', 'form-data; name="f"; filename="../../etc/x"', 'form-data; name="f"; filename="a\\..\\b"', 'form-data; name="f"; filename="%00"', 'form-data; name="f"; filename="a\0b"', 'form-data; name="f"; filename="a\rb"', 'form-data; name="f"; filename="\xff"', 'form-data; name="f"; filename*=UTF-8\'\'%ff', 'form-data; name="f"; filename*=latin1\'\'%e9', 'form-data; name="f"; filename*=x', 'form-data; name="f"; filename*0="a"; filename*1="b"', 'form-data; name="__proto__"', 'form-data; name="constructor"; filename="toString"', 'form-data; name="cdmi_x"', 'form-data; name="_charset_"', 'attachment; filename="x"', 'form-data; name="f"; name="g"; filename="a"; filename="b"', `form-data; name="f"; filename="${'n'.repeat(5000)}"`, `form-data; name="${'x'.repeat(70_000)}"`, 'form-data; name="f"; filename="."', 'form-data; name="f"; filename=".."', 'form-data; name="f"; filename="-"', 'form-data; name="f"; filename="cdmi_x"', 'form-data;;; name="f"', 'form-data; name="f"; filename="a";']
const encodings = ['', 'base64', 'quoted-printable', 'binary', '8bit', '7bit', 'x-uuencode', 'BASE64', 'base64, base64', '\xff']

const wrongParts: ReadonlyArray<(random: Random, parts: Part[]) => void> = [
  (random, parts) => { parts.length = random.below(2) },
  (random, parts) => { random.pick(parts).head = [] },
  (random, parts) => { random.pick(parts).head.push(['Content-Disposition', random.pick(dispositions)]) },
  (random, parts) => { random.pick(parts).head = [['Content-Disposition', random.pick(dispositions)], ['Content-Type', random.pick(hostile.mediaTypes)]] },
  (random, parts) => { random.pick(parts).head = [['Content-Type', random.pick(hostile.mediaTypes)], ['Content-Range', random.pick(hostile.ranges)]] },
  (random, parts) => { random.pick(parts).head.push(['Content-Transfer-Encoding', random.pick(encodings)]) },
  (random, parts) => { random.pick(parts).head.push([random.pick(['', ' ', 'x y', '\0', '\xff', 'x'.repeat(70_000)]), random.pick(['', '\r', '\xff', 'x'.repeat(2000)])]) },
  (random, parts) => { random.pick(parts).body = hostile.anyJsonText(random) },
  (random, parts) => { random.pick(parts).body = Buffer.from(random.pick(hostile.base64s)) },
  (random, parts) => { random.pick(parts).body = Buffer.from(`--${boundary}\r\n\r\n--${boundary}--`) },
  (random, parts) => { parts.push(...Array.from({ length: random.pick([1, 40, 1001]) }, () => random.pick(parts))) },
  (_random, parts) => { parts.reverse() }
]

/** Changes of the whole body, and of its boundary. */
const wrongWholes: ReadonlyArray<(random: Random, body: Buffer) => Buffer> = [
  (random, body) => body.subarray(0, random.below(body.length)),
  (_random, body) => Buffer.from(body.toString('latin1').replaceAll('\r\n', '\n'), 'latin1'),
  (_random, body) => Buffer.from(body.toString('latin1').replaceAll(`--${boundary}`, '--other'), 'latin1'),
  (_random, body) => Buffer.from(body.toString('latin1').replaceAll(`--${boundary}`, `-- ${boundary}`), 'latin1'),
  (_random, body) => Buffer.from(body.toString('latin1').replace(`--${boundary}--`, `--${boundary}`), 'latin1'),
  (_random, body) => Buffer.concat([body, Buffer.from(`--${boundary}\r\n\r\nmore\r\n--${boundary}--`)]),
  (random, body) => Buffer.concat([random.bytes(random.length(2000)), Buffer.from('\r\n'), body]),
  (random, body) => mutated(random, body),
  (_random, body) => Buffer.concat([Buffer.from(`--${boundary}\r\n`), body]),
  (_random, body) => Buffer.from(body.toString('latin1').replace('\r\n\r\n', '\r\n'), 'latin1')
]

function breakMultipart (random: Random, draft: Draft, make: (random: Random) => Part[]): void {
  const parts = make(random)
  if (random.once(2)) random.pick(wrongParts)(random, parts)
  const body = multipart(parts, random.once(10) ? random.pick(['', ' ', '"', 'b'.repeat(200), '\xff', '--', boundary.toUpperCase()]) : boundary)
  draft.body = random.once(2) ? random.pick(wrongWholes)(random, body) : body
}

const isForm = /multipart\/form-data/
const isMixed = /multipart\/mixed/
const isJson = /json|cdmi/

/** Makes something wrong in the body, and gives one to requests that have none. */
export function breakBody (random: Random, draft: Draft): void {
  const type = draft.headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? ''
  if (draft.framing === 'none') draft.framing = random.pick(['length', 'length', 'chunked'])
  if (isForm.test(type)) breakMultipart(random, draft, formParts)
  else if (isMixed.test(type)) breakMultipart(random, draft, mixedParts)
  else if (isJson.test(type)) breakJson(random, draft)
  else draft.body = random.once(20) ? random.bytes(random.length(200_000)) : mutated(random, draft.body ?? random.bytes(random.length(100)))
  if (random.once(8)) setHeader(draft, 'Content-Type', random.once(2) ? random.pick(hostile.mediaTypes) : mutatedText(random, type))
}
