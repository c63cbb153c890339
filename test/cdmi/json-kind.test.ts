import fc from 'fast-check'
import t from 'tap'
import { isJsonObject, kindOfJson, plainKind } from '../../cdmi/json-kind.js'
import { maxJsonDepth, parseJson } from '../../cdmi/json-value.js'

/** What `parseJson` makes of it; undefined: it refuses it. */
function parsedKind (bytes: Uint8Array): string | undefined {
  try {
    const json = parseJson(bytes)
    return Array.isArray(json) ? 'array' : typeof json === 'object' && json !== null ? 'object' : 'single'
  } catch {
    return undefined
  }
}

const pieces = ['{', '}', '[', ']', ',', ':', '"', '\\', '"a"', '"a":', '"__proto__":', '"constructor":', '"\\u005f_proto__":', '\\u00', '\\ud800', '"é"', 'true', 'false', 'null', 'nul', '0', '-', '01', '1.5', '1.', '1e5', '1e', '-0E+9', '1e999', ' ', '\n', '\t', '\u0001', '\ufeff', 'x'.repeat(40), `"${'y'.repeat(70)}"`]

t.test('KEY-09: what passes by its looks alone is what a parser makes of it', async () => {
  fc.assert(fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 12 }), parts => {
    const bytes = Buffer.from(parts.join(''))
    const kind = plainKind(bytes)
    return kind === undefined || kind === parsedKind(bytes)
  }), { numRuns: 3000 })
})

t.test('KEY-09: one byte changed in a JSON text changes the answer as it does for a parser', async () => {
  fc.assert(fc.property(fc.json({ maxDepth: 4 }), fc.nat(), fc.integer({ min: 0, max: 255 }), (text, at, byte) => {
    const bytes = Buffer.from(` [${text},"${'z'.repeat(33)}"]\n`)
    bytes[at % bytes.length] = byte
    const kind = plainKind(bytes)
    return kind === undefined || kind === parsedKind(bytes)
  }), { numRuns: 2000 })
})

t.test('KEY-09: ordinary texts pass by their looks, and the others by the parser', async t => {
  fc.assert(fc.property(fc.json({ maxDepth: 4 }), fc.boolean(), (text, array) => plainKind(Buffer.from(array ? `[${text}]` : `{"a": ${text} }`)) !== undefined || /[\\]|"_|"c/.test(text)))
  t.equal(plainKind(Buffer.from(`{"text":"${'ab'.repeat(1000)}\\n\\u00e9 \\ud83d\\ude00","n":[1,-2.5e-3,true,false,null,{}, [ ] ]}`)), 'object')
  t.equal(kindOfJson(Buffer.from('\ufeff[]')), 'array')
  t.equal(kindOfJson(Buffer.from('"x"')), 'single')
  t.equal(kindOfJson(Buffer.from('{"\\u0061":1}')), 'object')
  t.ok(isJsonObject(Buffer.from('{"constructor":1}')))
  t.notOk(isJsonObject(Buffer.from('[]')))
  for (const refused of ['{"__proto__":1}', '{"\\u005f_proto__":1}', '{"constructor":{"prototype":1}}', '', '[', '{"a"}', '[1,]', `["${'x'.repeat(50)}\n"]`]) t.throws(() => kindOfJson(Buffer.from(refused)), { code: 'CDMI_INVALID_JSON' }, refused)
  t.throws(() => kindOfJson(Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d])), /UTF-8/)
  t.equal(kindOfJson(Buffer.from('['.repeat(maxJsonDepth) + ']'.repeat(maxJsonDepth))), 'array')
  t.throws(() => kindOfJson(Buffer.from('['.repeat(maxJsonDepth + 1) + ']'.repeat(maxJsonDepth + 1))), /nested/)
})
