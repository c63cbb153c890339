/** Messages of the socket doors with something wrong in them: fields, their types, packets of socket.io and engine.io around them. */
import type { Place } from './draft.js'
import * as hostile from './hostile.js'
import { mutated } from './mutation.js'
import type { Random } from './random.js'

type Message = Record<string, unknown>

function rightMessage (random: Random, { key }: Place): Message {
  const own = `/data/${key}-${random.below(40)}`
  const id = random.below(1000)
  switch (random.below(6)) {
    case 0: return { id, method: 'GET', url: '/data/' + key, ifNoneMatch: '"x"' }
    case 1: return { id, method: 'GET', url: `/data?prefix=${key}&limit=5` }
    case 2: return { id, method: 'POST', url: own, data: { name: 'Ann', tags: [1] } }
    case 3: return { id, method: 'PUT', url: '/data/' + key, data: { name: 'Bob' }, ifMatch: '*', etag: true }
    case 4: return { id, method: 'PATCH', url: '/data/' + key, data: { age: null } }
    default: return { id, method: 'DELETE', url: own }
  }
}

const names = ['auth', 'method', 'url', 'data', 'id', 'ifMatch', 'ifNoneMatch', 'etag', '__proto__', 'constructor', 'toJSON', '', 'x'] as const
const auths: readonly unknown[] = [null, 1, '', 'Basic YTpi', [], {}, { username: 1 }, { username: 'admin' }, { username: 'admin', password: null }, { username: { toString: 1 }, password: [] }]
/** Each costs the server a hash: seldom. */
const wrongAuths: readonly unknown[] = [{ username: '', password: '' }, { username: '\0', password: '\ud800' }, { username: 'x'.repeat(70_000), password: 'x' }]

function breakMessage (random: Random, message: Message): void {
  const name = random.pick(names)
  let value: unknown = hostile.anyJson(random)
  if (name === 'auth') value = random.pick(random.once(20) ? wrongAuths : auths)
  if (name === 'url' && random.once(2)) value = random.pick(['', '/', 'data', '/data/', '/data//', '/data?', '//data', '/data/a/b', '/data?limit=-1', 'http://h/data', '/ws', '/DATA', '/data#x', `/data/${'x'.repeat(5000)}`, `/data/${random.pick(hostile.segments)}`, `/data?${random.pick(hostile.queries)}`])
  if (name === 'method' && random.once(2)) value = random.pick(['', 'get', 'HEAD', 'OPTIONS', 'BREW', 'GET ', 'X'.repeat(3000), '\0', '__proto__'])
  if ((name === 'ifMatch' || name === 'ifNoneMatch') && random.once(2)) value = random.pick(hostile.tags)
  if (random.once(5)) Reflect.deleteProperty(message, name)
  else Object.defineProperty(message, name, { value, enumerable: true, configurable: true, writable: true })
}

/** The bytes of a message: JSON, or nearly. */
export function brokenMessage (random: Random, place: Place): Buffer {
  if (random.once(8)) return hostile.anyJsonText(random)
  if (random.once(10)) return Buffer.from(JSON.stringify(hostile.anyJson(random)))
  const message = rightMessage(random, place)
  for (let n = random.between(1, 3); n > 0; n--) breakMessage(random, message)
  const text = JSON.stringify(message)
  // In the place of a value: what JSON.stringify would not write.
  if (random.once(10)) return Buffer.concat([Buffer.from(text.slice(0, -1) + ',"data":'), hostile.anyJsonText(random), Buffer.from('}')])
  return random.once(4) ? mutated(random, Buffer.from(text), random.between(1, 3)) : Buffer.from(text)
}

const numbers = ['', '0', '1', '4294967296', '99999999999999999999', '-1', '1e3', '٣']
const namespaces = ['', '/,', '/admin,', '/x?y=z,', ',', '/__proto__,', `/${'n'.repeat(3000)},`]
const events = ['"http message"', '"connect"', '"disconnect"', '"error"', '"connect_error"', '"disconnecting"', '"newListener"', '"__proto__"', '""', '1', 'null', '{}', '[]', '"x"']
const placeholders = ['{"_placeholder":true,"num":0}', '{"_placeholder":true,"num":1}', '{"_placeholder":true,"num":-1}', '{"_placeholder":true,"num":"0"}', '{"_placeholder":true,"num":1e9}', '{"_placeholder":true}', '{"_placeholder":1,"num":0}']

/** The text of a packet of socket.io (without the digit of engine.io before it). */
function socketPacket (random: Random, place: Place): Buffer {
  const message = brokenMessage(random, place)
  const args = (): Buffer => Buffer.concat([Buffer.from(`[${random.once(4) ? random.pick(events) : '"http message"'},`), message, Buffer.from(random.once(6) ? `,${random.pick(placeholders)}]` : ']')])
  switch (random.below(8)) {
    case 0: return Buffer.from(`${random.pick(['0', '1', '3', '4', '5', '6', '7', '9', 'x', ''])}${random.pick(namespaces)}${random.pick(['', '{}', '{"token":1}', '[]', '"', '{"username":1}', 'null'])}`)
    case 1: return Buffer.concat([Buffer.from(`2${random.pick(namespaces)}${random.pick(numbers)}`), args()])
    case 2: return Buffer.concat([Buffer.from(`${random.pick(['5', '6'])}${random.pick(numbers)}-${random.pick(numbers)}`), args()])
    case 3: return Buffer.concat([Buffer.from(`3${random.pick(numbers)}`), random.once(2) ? Buffer.from('[]') : args()])
    case 4: return mutated(random, Buffer.concat([Buffer.from('2'), args()]), random.between(1, 3))
    default: return Buffer.concat([Buffer.from(`2${random.once(3) ? random.pick(numbers) : ''}`), args()])
  }
}

/** A packet of engine.io: a text, or bytes as they come between others (attachments). */
export function enginePacket (random: Random, place: Place): { text: boolean, bytes: Buffer } {
  switch (random.below(10)) {
    case 0: return { text: true, bytes: Buffer.from(random.pick(['', '0', '0{}', '1', '2', '2probe', '3', '3probe', '5', '6', '7', '9', 'x', '-1', 'b', 'bAAAA', 'b!!!', '\ufeff', '2'.repeat(5000)])) }
    case 1: return { text: false, bytes: random.once(3) ? Buffer.concat([Buffer.from([random.below(8)]), socketPacket(random, place)]) : random.bytes(random.length(200)) }
    default: return { text: true, bytes: Buffer.concat([Buffer.from(random.once(12) ? random.pick(['4', '0', '3', '6', '44']) : '4'), socketPacket(random, place)]) }
  }
}

/** The body of a POST of polling: packets with what is between them, in the form of engine.io 3 or 4. */
export function enginePayload (random: Random, place: Place, version: number): { count: number, bytes: Buffer } {
  const count = random.between(1, 8)
  const packets = Array.from({ length: count }, () => enginePacket(random, place).bytes)
  const parts = packets.flatMap((packet, n) => {
    if (version === 4) return [...n === 0 ? [] : [Buffer.from(random.once(20) ? random.pick(['', '\x1e\x1e', '\n']) : '\x1e')], packet]
    // Counted in characters.
    return [Buffer.from(`${random.once(8) ? random.pick(numbers) : packet.toString().length}:`), packet]
  })
  const bytes = Buffer.concat(parts)
  return { count, bytes: random.once(8) ? mutated(random, bytes) : bytes }
}
