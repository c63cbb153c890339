import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { InvalidJson } from '../../../cdmi/errors.js'
import { isObject, maxJsonDepth, parseJson } from '../../../cdmi/json-value.js'
import { type CdmiBodyOptions, readCdmiBody } from '../../../routes/cdmi/json-body.js'
import type { Json, JsonObject } from '../../../storage/contract.js'
import { refuses } from '../../helpers/refuses.js'
import { chunkSizes, endless, gather, inChunks } from './streams.js'

interface Result {
  readonly fields: JsonObject
  readonly kind?: string
  readonly value?: string
  /** Names of the fields that stood before the value. */
  readonly before?: string[]
}

async function read (body: Uint8Array | string, sizes?: readonly number[], limit?: number): Promise<Result> {
  let met: Omit<Result, 'fields'> = {}
  const fields = await readCdmiBody(inChunks(body, sizes), {
    limit,
    async onValue (stream, before) {
      const names = Object.keys(before)
      met = { kind: stream.kind, value: (await gather(stream.kind === 'string' ? stream.text : stream.json)).toString(), before: names }
    }
  })
  return { fields, ...met }
}

t.test('no body at all is an empty object', async t => {
  t.strictSame(await read(''), { fields: {} })
  t.strictSame(await read(' \r\n'), { fields: {} })
  t.strictSame(await read('{}'), { fields: {} })
  t.strictSame(await read(' { } \n', [1]), { fields: {} })
})

t.test('the value may stand anywhere among the fields', async t => {
  t.strictSame(await read('{"mimetype":"text/plain","value":"a","metadata":{"value":"m"}}'), { fields: { mimetype: 'text/plain', metadata: { value: 'm' } }, kind: 'string', value: 'a', before: ['mimetype'] })
  t.strictSame(await read('{"value" : {"a" : [1, null]} , "x":1}'), { fields: { x: 1 }, kind: 'object', value: '{"a" : [1, null]}', before: [] })
  t.strictSame(await read('{"x":[{"value":[2]}],"value":-1.5e+3}', [1]), { fields: { x: [{ value: [2] }] }, kind: 'other', value: '-1.5e+3', before: ['x'] })
  t.strictSame(await read('{"\\u0076alue":""}'), { fields: {}, kind: 'string', value: '', before: [] }, 'a key in escapes is the same key')
  for (const text of ['null', 'true', 'false', '0', '["a"]']) t.strictSame(await read(`{"value":${text}}`), { fields: {}, kind: 'other', value: text, before: [] })
})

/** A JSON text for the same document, with blanks between its tokens and any characters of its strings as escapes. */
function spell (json: Json, random: () => number): string {
  const blank = (): string => [' ', '', '', '\n', '\t \r'][random() % 5] ?? ''
  const text = (string: string): string => '"' + string.split('').map(unit => {
    const short = JSON.stringify(unit).slice(1, -1)
    const roll = random() % 4
    return roll === 0 && !/[\ud800-\udfff]/.test(string) ? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}` : roll === 1 && unit === '/' ? '\\/' : short
  }).join('').replace(/\\u(d[89ab][0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))).replace(/\\u(d[c-f][0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))) + '"'
  const item = (json: Json): string => {
    if (typeof json === 'string') return text(json)
    if (Array.isArray(json)) return `[${blank()}${json.map(item).join(`${blank()},${blank()}`)}${blank()}]`
    if (typeof json === 'object' && json !== null) return `{${blank()}${Object.entries(json).map(([key, value]) => `${text(key)}${blank()}:${blank()}${item(value)}`).join(`${blank()},${blank()}`)}${blank()}}`
    return JSON.stringify(json)
  }
  return blank() + item(json) + blank()
}

const string = fc.string({ unit: fc.oneof(fc.constantFrom('"', '\\', '/', '\n', '\u0000', '\u001f', '\u007f', 'a', 'u', 'é', '€', '😀', '\u2028'), fc.string({ minLength: 1, maxLength: 1, unit: 'grapheme' })) })
const json = fc.letrec<{ json: Json }>(tie => ({
  json: fc.oneof({ depthSize: 'small' },
    string, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.boolean(), fc.constant(null),
    fc.array(tie('json'), { maxLength: 4 }), fc.dictionary(string, tie('json'), { maxKeys: 4, noNullPrototype: true }).map(object => object as JsonObject))
})).json
const seeds = fc.infiniteStream(fc.nat(1000))

t.test('any document is read as JSON.parse would, however it is spelled and the stream is cut', async () => {
  const fields = fc.uniqueArray(fc.tuple(fc.oneof(fc.constant('value'), string), json), { maxLength: 6, selector: ([key]) => key })
  await fc.assert(fc.asyncProperty(fields, seeds, chunkSizes, async (entries, seeds, sizes) => {
    const text = `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${spell(value, () => seeds.next().value ?? 0)}`).join()}}`
    // Names that are refused, however deep, are the subject of the next test.
    if (!isValid(Buffer.from(text))) return
    const { fields, kind, value } = await read(text, sizes)
    const expected = JSON.parse(text) as JsonObject
    const { value: expectedValue, ...others } = expected
    const expectedKind = expectedValue === undefined ? undefined : typeof expectedValue === 'string' ? 'string' : isObject(expectedValue) ? 'object' : 'other'
    const actualValue = value === undefined || kind === 'string' ? value : JSON.parse(value) as Json
    return isDeepStrictEqual([fields, kind, actualValue], [others, expectedKind, expectedValue])
  }), { numRuns: 500 })
})

t.test('what is refused is exactly what the parser of whole texts refuses, and numbers that would be lost', async t => {
  // Documents with a byte or a piece changed here and there: some of them are JSON still.
  const changes = fc.array(fc.tuple(fc.nat(200), fc.nat(3), fc.constantFrom('"', '\\', '{', '}', '[', ']', ',', ':', '0', '1', '-', '.', 'e', '+', 't', 'true', 'null', ' ', '\n', '\u0001', '\\u', '\\ud800', '\\udc00', 'é', '"__proto__":', '"constructor":{"prototype":1}')), { maxLength: 3 })
  let refused = 0
  await fc.assert(fc.asyncProperty(json, seeds, changes, chunkSizes, async (document, seeds, changes, sizes) => {
    let text = spell(document, () => seeds.next().value ?? 0)
    for (const [at, drop, insert] of changes) {
      const place = at % (text.length + 1)
      text = text.slice(0, place) + insert + text.slice(place + drop)
    }
    for (const name of ['value', 'field']) {
      const body = Buffer.from(`{"${name}":${text}}`.toWellFormed())
      const refusal = await outcome(read(body, sizes))
      // The value is kept as it was spelled.
      const taken = isValid(body) && (name === 'value' || isFinite(body))
      if (taken !== (refusal === undefined)) throw new Error(`${body}: ${refusal ?? 'taken'}`)
      if (refusal !== undefined) refused++
    }
  }), { numRuns: 500 })
  t.ok(refused > 25, 'many were refused')
})

/** Whether no number is too large for a double. */
function isFinite (text: Buffer): boolean {
  let finite = true
  JSON.parse(text.toString(), (_name, value: unknown) => {
    if (typeof value === 'number') finite &&= Number.isFinite(value)
    return value
  })
  return finite
}

function isValid (text: Buffer): boolean {
  try {
    return isWellFormed(parseJson(text))
  } catch {
    return false
  }
}

function isWellFormed (json: Json): boolean {
  if (typeof json === 'string') return json.isWellFormed()
  if (Array.isArray(json)) return json.every(isWellFormed)
  return typeof json !== 'object' || json === null || Object.entries(json).every(([key, value]) => key.isWellFormed() && isWellFormed(value))
}

/** The message of a refusal; undefined when there was none. */
async function outcome (result: Promise<unknown>): Promise<string | undefined> {
  try {
    await result
    return undefined
  } catch (error) {
    if (error instanceof InvalidJson) return error.message
    throw error
  }
}

t.test('broken bodies are refused with what is wrong and where', async t => {
  const cases: [body: string | Buffer, message: RegExp][] = [
    ['[]', /at byte 0 there is "\[" where "\{"/],
    ['"a"', /at byte 0/],
    ['\ufeff{}', /byte order mark/],
    ['ïa', /at byte 0 there is the byte 0xc3/],
    ['{', /ends at byte 1 where a key/],
    ['{"a"', /ends at byte 4 where ":"/],
    ['{"a":', /ends at byte 5 where a value/],
    ['{"a":1', /ends at byte 6, in the middle/],
    ['{"a":"x"', /ends at byte 8 where "," or "}"/],
    ['{"a":1 "b":2}', /at byte 7 there is """ where "," or "}"/],
    ['{"a":1,}', /at byte 7 there is "}" where a key/],
    ['{,}', /at byte 1 .* where a key/],
    ['{a:1}', /at byte 1 there is "a"/],
    ['{"a":tru}', /at byte 8 there is "}" where "true"/],
    ['{"a":01}', /at byte 6 there is "1" where "," or "}"/],
    ['{"value":[1,]}', /at byte 12 there is "]" where a value/],
    ['{"value":[1 2]}', /at byte 12 there is "2" where "," or "]"/],
    ['{"value":{"a":1.}}', /at byte 16 .* where a digit/],
    ['{"value":"a', /ends at byte 11, in the middle/],
    ['{"value":"a\nb"}', /at byte 11 .* control character/],
    ['{"value":"\\n\nb"}', /at byte 12 .* control character/],
    ['{"value":"\\x"}', /at byte 10 .* escape/],
    ['{"value":"\\u12g4"}', /at byte 10 .* escape/],
    ['{"value":"\\ud800"}', /half of a surrogate pair/],
    ['{"value":"\\udc00"}', /half of a surrogate pair/],
    ['{"value":"\\ud800\\ud800"}', /half of a surrogate pair/],
    ['{"value":"\\ud800\\n12345678"}', /half of a surrogate pair/],
    ['{"value":["\\ud800"]}', /half of a surrogate pair/],
    ['{"a":"\\udc00"}', /half of a surrogate pair/],
    ['{"\\ud83d":1}', /half of a surrogate pair/],
    ['{"a":1,"b":2,"a":1}', /"a" more than once/],
    ['{"value":"1","\\u0076alue":"2"}', /"value" more than once/],
    ['{"__proto__":1}', /__proto__/],
    ['{"\\u005f_proto__":1}', /__proto__/],
    ['{"constructor":{"prototype":1}}', /__proto__/],
    ['{"metadata":{"__proto__":1}}', /__proto__/],
    ['{"value":{"x":{"__proto_\\u005f":1}}}', /__proto__/],
    ['{"value":[{"constructor":{"a":1,"prototype":1}}]}', /__proto__/],
    ['{} x', /at byte 3 there is "x" where the end of the JSON/],
    ['{}{}', /at byte 2/],
    ['{"a":"\u0000"}', /control character/],
    [Buffer.from('7b2261223a22ff227d', 'hex'), /not valid UTF-8/],
    [Buffer.from('7b2276616c7565223a22c3', 'hex'), /ends at byte 11/],
    [Buffer.from('efbb', 'hex'), /not valid UTF-8/],
    [Buffer.from('{"value":"\xed\xa0\x80"}', 'latin1'), /not valid UTF-8/]
  ]
  for (const [body, message] of cases) for (const sizes of [[Infinity], [1], [3, 2]]) await t.rejects(read(body, sizes), { statusCode: 400, code: 'CDMI_INVALID_JSON', message }, `${body}`)
})

t.test('names like those of prototypes are names where they do no harm', async t => {
  t.strictSame(await read('{"prototype":1,"constructor":2,"value":{"constructor":[{"prototype":1}],"prototype":{"constructor":1}}}'), { fields: { prototype: 1, constructor: 2 }, kind: 'object', value: '{"constructor":[{"prototype":1}],"prototype":{"constructor":1}}', before: ['prototype', 'constructor'] })
  t.strictSame((await read('{"value":{"constructor":"prototype","x":{"prototype":1}}}')).kind, 'object')
})

t.test('nesting is limited, in the value too', async t => {
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
  for (const name of ['a', 'value']) {
    await read(`{"${name}":${nested(maxJsonDepth)}}`)
    await refuses(t, 400, read(`{"${name}":${nested(maxJsonDepth + 1)}}`))
  }
})

t.test('all but the value is limited', async t => {
  const limit = 100
  const filler = (length: number): string => `{"a":"${'x'.repeat(length - 7)}"`
  for (const sizes of [[Infinity], [7]]) {
    await read(`${filler(98)} }`, sizes, limit)
    await refuses(t, 413, read(`${filler(99)} }`, sizes, limit))
    await refuses(t, 413, read(`{${' '.repeat(100)}}`, sizes, limit))
    await refuses(t, 413, read(`{}${' '.repeat(100)}`, sizes, limit))
    await refuses(t, 413, read(`{"${'k'.repeat(100)}":1}`, sizes, limit))
    t.equal((await read(`{"value":"${'v'.repeat(1000)}","a":1}`, sizes, limit)).value?.length, 1000)
    await refuses(t, 413, read(`{"value":"${'v'.repeat(1000)}","a":"${'x'.repeat(100)}"}`, sizes, limit))
    for (const value of ['""', `"${'v'.repeat(1000)}"`, `{"v":"${'v'.repeat(1000)}"}`]) {
      await read(`{"value":${value}${' '.repeat(90)}}`, sizes, limit)
      await refuses(t, 413, read(`{"value":${value}${' '.repeat(91)}}`, sizes, limit))
    }
  }
})

t.test('the value goes by as fast as it is taken, and is never held', async t => {
  let produced = 0
  async function * source (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('{"value":"')
    for (; produced < 100; produced++) yield Buffer.alloc(1000, 'x')
    yield Buffer.from('"}')
  }
  let taken = 0
  await readCdmiBody(source(), {
    async onValue (value) {
      if (value.kind !== 'string') return
      for await (const chunk of value.text) {
        taken += chunk.length
        t.ok(produced * 1000 - taken <= 1000, 'at most one chunk ahead')
      }
    }
  })
  t.equal(taken, 100_000)
})

t.test('a value that nobody wants is checked and dropped', async t => {
  const ignore = async (): Promise<void> => {}
  t.strictSame(await readCdmiBody(inChunks('{"value":"abcdef","a":1}', [3]), { onValue: ignore }), { a: 1 })
  await t.rejects(readCdmiBody(inChunks('{"value":"abc\\q","a":1}', [3]), { onValue: ignore }), { message: /escape/ })
  t.strictSame(await readCdmiBody(inChunks('{"value":"abcdef","a":1}', [3]), {
    async onValue (value) {
      if (value.kind === 'string') for await (const chunk of value.text) if (chunk.length > 0) break
    }
  }), { a: 1 })
})

t.test('what breaks the body ends the reading, whoever met it', async t => {
  const swallow: CdmiBodyOptions['onValue'] = async value => {
    await gather(value.kind === 'string' ? value.text : value.json).catch(() => {})
  }
  await t.rejects(readCdmiBody(inChunks('{"value":"abc\\q"}', [3]), { onValue: swallow }), { statusCode: 400, message: /escape/ })
  await t.rejects(readCdmiBody(inChunks('{"value":"abc"'), { onValue: swallow }), { message: /ends at byte/ })
  const { source, released } = endless('{"value":"abc')
  await t.rejects(readCdmiBody(source, { async onValue () { throw new Error('no room') } }), { message: 'no room' })
  t.equal(await released, undefined, 'the source was let go of')
})
