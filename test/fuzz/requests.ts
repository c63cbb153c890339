/** Requests that are right, over every door: what all that is wrong begins as. */
import type { Draft, Place } from './draft.js'
import type { Random } from './random.js'

type Make = (random: Random, place: Place) => Pick<Draft, 'method' | 'target'> & { readonly type?: string, readonly accept?: string, readonly body?: string | Buffer, readonly more?: Readonly<Record<string, string>> }

const object = 'application/cdmi-object'
const container = 'application/cdmi-container'
const capability = 'application/cdmi-capability'
const json = 'application/json'
const roots = ['', '/cdmi/2.0.0']

/** The path of something in the place of the case, below one of the two roots. */
const at = (random: Random, { container }: Place, name: string): string => random.pick(roots) + container + name
const fresh = (random: Random): string => `n${random.below(40)}`
const some = (random: Random): string => random.pick(['o', 'j', 'b', 'r', 'p', 'sub/', 'sub/x', '', 'none', fresh(random)])
const cdmi = (method: string, target: string, body: object, more: Record<string, string> = {}): ReturnType<Make> =>
  ({ method, target, type: object, accept: object, body: JSON.stringify(body), more })

export const boundary = 'bound'

export interface Part { head: Array<[name: string, value: string]>, body: Buffer }

/** A multipart body of these. */
export function multipart (parts: readonly Part[], text = boundary): Buffer {
  return Buffer.concat([
    ...parts.flatMap(({ head, body }) => [Buffer.from(`--${text}\r\n${head.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`, 'latin1'), body, Buffer.from('\r\n')]),
    Buffer.from(`--${text}--\r\n`)
  ])
}

/** Of a form: two files and a field. */
export const formParts = (random: Random): Part[] => [
  { head: [['Content-Disposition', `form-data; name="f"; filename="form-${random.below(100)}.txt"`], ['Content-Type', 'text/plain; charset=utf-8']], body: Buffer.from('a file') },
  { head: [['Content-Disposition', 'form-data; name="note"']], body: Buffer.from('a field') },
  { head: [['Content-Disposition', 'form-data; name="f"; filename*=UTF-8\'\'gr%C3%BC%C3%9Fe.bin'], ['Content-Type', 'application/octet-stream']], body: random.bytes(random.length(300)) }
]

/** Of a CDMI request in parts: its JSON, then pieces of its value. */
export const mixedParts = (random: Random): Part[] => [
  { head: [['Content-Type', object]], body: Buffer.from(JSON.stringify({ mimetype: 'text/plain', metadata: { colour: 'red' } })) },
  ...Array.from({ length: random.between(1, 3) }, (_, n) => ({ head: [['Content-Type', 'application/octet-stream'], ['Content-Range', `bytes ${n * 10}-${n * 10 + 9}/*`]] as Array<[string, string]>, body: Buffer.alloc(10, 'v') }))
]

const plain: readonly Make[] = [
  (random, place) => ({ method: 'GET', target: at(random, place, some(random)) }),
  (random, place) => ({ method: 'GET', target: at(random, place, random.pick(['o', 'b'])), more: { Range: random.pick(['bytes=0-9', 'bytes=-5', 'bytes=0-0,4-5']), 'If-Range': '"x"' } }),
  (random, place) => ({ method: 'GET', target: at(random, place, 'o'), more: { 'If-None-Match': '"x"', 'If-Modified-Since': 'Sun, 06 Nov 1994 08:49:37 GMT' } }),
  (random, place) => ({ method: 'GET', target: at(random, place, '?limit=2&after=b&prefix=s'), accept: random.pick(['text/html', json]) }),
  (random, place) => ({ method: 'HEAD', target: at(random, place, some(random)) }),
  (random, place) => ({ method: 'OPTIONS', target: at(random, place, some(random)), more: { Origin: 'http://page.example', 'Access-Control-Request-Method': 'PUT' } }),
  (random, place) => ({ method: 'PUT', target: at(random, place, some(random)), type: 'text/plain; charset=utf-8', body: 'Hello, world', more: { 'If-Match': '*' } }),
  (random, place) => ({ method: 'PUT', target: at(random, place, fresh(random)), body: random.bytes(random.length(3000)) }),
  (random, place) => ({ method: 'PUT', target: at(random, place, random.pick(['o', fresh(random)])), body: 'Hello', more: { 'Content-Range': 'bytes 3-7/*' } }),
  (random, place) => ({ method: 'PUT', target: at(random, place, `${fresh(random)}/`), body: '' }),
  (random, place) => ({ method: 'PATCH', target: at(random, place, random.pick(['o', 'b'])), body: 'World', more: { 'Content-Range': 'bytes 0-4/*', 'If-Unmodified-Since': 'Fri, 31 Dec 2100 00:00:00 GMT' } }),
  (random, place) => ({ method: random.pick(['PUT', 'PATCH']), target: at(random, place, random.pick(['o', 'p', fresh(random)])), body: 'a part', more: { 'X-CDMI-Partial': `upload-id=${random.pick(['a', 'b'])};count=3`, 'Content-Range': 'bytes 0-5/*' } }),
  (random, place) => ({ method: 'POST', target: at(random, place, random.pick(['', 'sub/'])), type: 'text/plain', body: 'named by the server' }),
  (random, place) => ({ method: 'POST', target: `${at(random, place, '')}`, type: `multipart/form-data; boundary=${boundary}`, accept: random.pick([json, 'text/html']), body: multipart(formParts(random)) }),
  (random, place) => ({ method: 'DELETE', target: at(random, place, random.pick(['o', 'j', 'r', 'sub/', fresh(random)])), more: { 'If-Match': '*' } }),
  (random, { ids }) => ({ method: 'GET', target: `${random.pick(roots)}/cdmi_objectid/${random.pick([ids.o, ids.b, `${ids.container}/o`, `${ids.container}/`])}` }),
  (random, { ids }) => ({ method: 'PUT', target: `${random.pick(roots)}/cdmi_objectid/${random.pick([ids.o, `${ids.container}/o`])}`, body: 'by its ID' })
]

const cdmiForm: readonly Make[] = [
  (random, place) => ({ method: 'GET', target: at(random, place, `${random.pick(['o', 'j', 'b', 'p'])}?objectID&value=0-4&metadata=c&valuerange`), accept: object }),
  (random, place) => ({ method: 'GET', target: at(random, place, random.pick(['o?objectID;value:0-1;metadata:c', 'o?value=0-1&value=3-4'])), accept: random.pick([object, 'multipart/mixed']), more: { 'X-CDMI-Specification-Version': '1.1.1' } }),
  (random, place) => ({ method: 'GET', target: at(random, place, random.pick(['', '?childrenrange&children=0-2', '?children=![objectName,metadata/cdmi_size]0-5', 'sub/?children;parentURI'])), accept: container }),
  (random) => ({ method: 'GET', target: `${random.pick(roots)}/cdmi_capabilities/${random.pick(['', 'container/', 'dataobject/'])}`, accept: capability }),
  (random, place) => cdmi('PUT', at(random, place, some(random)), { mimetype: 'text/plain', metadata: { colour: 'red', cdmi_value_hash: 'SHA256' }, value: 'Hello, world', own: [1] }),
  (random, place) => cdmi('PUT', at(random, place, fresh(random)), { valuetransferencoding: 'base64', value: random.bytes(random.length(600)).toString('base64') }),
  (random, place) => cdmi('PUT', at(random, place, fresh(random)), { mimetype: json, valuetransferencoding: 'json', value: { a: [1, { b: null }] } }),
  (random, place) => ({ ...cdmi('PUT', at(random, place, `${fresh(random)}/`), { metadata: { project: 'blue' } }), type: container, accept: container }),
  (random, place) => ({ ...cdmi('PATCH', at(random, place, random.pick(['', 'sub/'])), { metadata: { project: 'green' } }), type: container }),
  (random, place) => cdmi('PATCH', at(random, place, random.pick(['o?metadata=colour&metadata=size', 'o?value=0-2', 'o'])), { metadata: { size: '12' }, value: 'YWJj' }, { 'If-Match': '*' }),
  (random, place) => cdmi('POST', at(random, place, ''), { value: 'named by the server' }, { 'X-CDMI-Partial': 'false' }),
  (random) => cdmi('POST', `${random.pick(roots)}/cdmi_objectid/`, { value: 'without a path' }),
  (random, place) => cdmi('PUT', at(random, place, random.pick(['p', fresh(random)])), { value: 'a part' }, { 'X-CDMI-Partial': random.pick(['true', 'upload-id=a;range=0-5']) }),
  (random, place) => ({ method: 'PUT', target: at(random, place, fresh(random)), type: `multipart/mixed; boundary=${boundary}`, accept: object, body: multipart(mixedParts(random)) }),
  (random, place) => cdmi('PUT', at(random, place, fresh(random)), { copy: `${place.container}${random.pick(['o?value=0-3', 'b', 'j?metadata', 'o'])}` }),
  (random, place) => ({ ...cdmi('PUT', at(random, place, `${fresh(random)}/`), { copy: `${place.container}sub/` }, { Prefer: 'respond-async' }), type: container }),
  (random, place) => cdmi('PUT', at(random, place, fresh(random)), { move: `${place.container}${random.pick(['j', 'sub/x', fresh(random)])}` }),
  (random, place) => cdmi('PUT', at(random, place, fresh(random)), { reference: `${place.container}${some(random)}` }),
  (random, place) => cdmi('PUT', at(random, place, 'serialized'), { serialize: `${place.container}${random.pick(['sub/', 'o'])}`, mimetype: json }),
  (random, place) => ({ ...cdmi('PUT', at(random, place, `${fresh(random)}/`), { deserialize: `${place.container}serialized` }), type: container }),
  (random, place) => cdmi('PUT', at(random, place, fresh(random)), { deserializevalue: Buffer.from(serialized).toString('base64') })
]

const serialized = JSON.stringify({ objectType: object, objectID: '00007ED900100000000000000000000000000000', mimetype: 'text/plain', metadata: {}, valuetransferencoding: 'utf-8', value: 'x' })

const keyed: readonly Make[] = [
  (random, { key }) => ({ method: 'GET', target: `/data/${random.pick([key, `${key}-none`])}`, more: { 'If-None-Match': '"x"' } }),
  (random, { key }) => ({ method: 'GET', target: `/data?prefix=${key}&limit=${random.between(1, 5)}&after=${key}` }),
  (random, { key }) => ({ method: 'POST', target: `/data/${key}-${random.below(40)}`, type: json, body: JSON.stringify({ name: 'Ann', age: 30, tags: ['a'] }) }),
  (_random, { key }) => ({ method: 'PUT', target: `/data/${key}`, type: json, body: JSON.stringify({ name: 'Bob', deep: { er: [{}] } }), more: { 'If-Match': '*' } }),
  (random, { key }) => ({ method: 'PATCH', target: `/data/${key}`, type: random.pick([json, 'application/merge-patch+json']), body: JSON.stringify({ age: null, more: [1, 2] }) }),
  (random, { key }) => ({ method: 'DELETE', target: `/data/${key}-${random.below(40)}` }),
  (random, { key }) => ({ method: random.pick(['HEAD', 'OPTIONS']), target: `/data/${key}` })
]

const own: readonly Make[] = [
  random => ({ method: 'GET', target: random.pick(['/-/health', '/-/ready', '/-/docs', '/-/docs/', '/-/docs/json', '/-/docs/static/index.html', '/-/none']) }),
  () => ({ method: 'GET', target: '/-/metrics', accept: 'text/plain' }),
  () => ({ method: 'GET', target: '/ws', more: { Upgrade: 'websocket', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Extensions': 'permessage-deflate', 'Sec-WebSocket-Protocol': 'x' } }),
  random => ({ method: 'GET', target: `/socket.io/?EIO=${random.pick([3, 4])}&transport=polling` }),
  random => ({ method: 'POST', target: `/socket.io/?EIO=${random.pick([3, 4])}&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA`, type: 'text/plain;charset=UTF-8', body: '42["http message",{}]' }),
  () => ({ method: 'GET', target: '/socket.io/?EIO=4&transport=websocket', more: { Upgrade: 'websocket', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version': '13' } })
]

export const doors = { plain, cdmi: cdmiForm, keyed, own } as const
/** Plain HTTP and CDMI have most of the grammar. */
const shares = ['plain', 'plain', 'plain', 'cdmi', 'cdmi', 'cdmi', 'cdmi', 'keyed', 'keyed', 'own'] as const

/** Any request of any door that is as it should be. */
export function rightRequest (random: Random, place: Place): Draft {
  const door = random.pick(shares)
  const list = doors[door]
  const number = random.below(list.length)
  const { method, target, type, accept, body, more = {} } = random.pick(list.slice(number, number + 1))(random, place)
  const upgrade = more['Upgrade'] !== undefined
  return {
    name: `${door} ${number}`,
    method,
    target,
    version: 'HTTP/1.1',
    headers: [
      ['Host', 'store.example'],
      ['Authorization', place.authorization],
      ['Connection', upgrade ? 'Upgrade' : 'close'],
      ...Object.entries(more),
      ...type === undefined ? [] : [['Content-Type', type] as [string, string]],
      ...accept === undefined ? [] : [['Accept', accept] as [string, string]]
    ],
    body: body === undefined ? undefined : Buffer.from(body),
    framing: body === undefined ? 'none' : random.once(4) ? 'chunked' : 'length'
  }
}
