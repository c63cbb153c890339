/** Objects as events and attributes are come back from a record as they were, whichever way they were encoded. */
import fc from 'fast-check'
import { Packr } from 'msgpackr'
import t from 'tap'
import type { JsonObject } from '../../storage/contract.js'
import { ByteWriter } from '../../storage/embedded/byte-writer.js'
import { writeFlat } from '../../storage/embedded/flat-json.js'
import { decodeJson, encodeJson } from '../../storage/embedded/json-codec.js'

const packr = new Packr({ useRecords: false })

/** The bytes; undefined: it is not flat. What was written before is still there. */
function flat (value: JsonObject): Buffer | undefined {
  const out = new ByteWriter()
  out.u32(7)
  const written = writeFlat(out, value)
  if (!written) {
    t.equal(out.length, 4, 'nothing was written')
    return undefined
  }
  return out.take().subarray(4)
}

const edges = [0, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0xffffffff, 0x100000000, 1795723822186392, 0.5, Number.MAX_SAFE_INTEGER, Number.MAX_VALUE, 5e-324]
const ascii = fc.string({ unit: 'grapheme-ascii', maxLength: 128 })
const number = fc.oneof(fc.constantFrom(...edges), fc.nat({ max: 0xffffffff }), fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }))
const fields = fc.dictionary(ascii.filter(name => name !== '__proto__'), fc.oneof(ascii, number, fc.constant({})), { maxKeys: 32, noNullPrototype: true })

t.test('a flat object becomes the bytes that msgpackr makes of it', async t => {
  fc.assert(fc.property(fields, value => packr.pack(value).equals(flat(value as JsonObject) ?? Buffer.alloc(0))), { numRuns: 500 })
  for (const length of [0, 31, 32, 127, 128]) {
    const value = { ['n'.repeat(length)]: 't'.repeat(length) }
    t.same(flat(value), packr.pack(value), `texts of ${length}`)
  }
  for (const edge of edges) t.same(flat({ edge }), packr.pack({ edge }), String(edge))
})

t.test('what is not flat is left to msgpackr, and comes back too', async t => {
  const others: JsonObject[] = [
    { long: 'x'.repeat(129) }, { ['n'.repeat(129)]: 1 }, { accent: 'é' }, { é: 1 }, { negative: -1 }, { yes: true }, { nothing: null }, { list: [] }, { metadata: { a: 'b' } },
    Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`n${n}`, n])), JSON.parse('{"__proto__":"mine"}') as JsonObject
  ]
  for (const value of others) {
    t.equal(flat(value), undefined, JSON.stringify(value).slice(0, 40))
    t.equal(JSON.stringify(decodeJson(encodeJson(value))), JSON.stringify(value))
  }
})

t.test('any JSON object comes back as it was', async t => {
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue({ noUnicodeString: false }), { noNullPrototype: true }), given => {
    const value = JSON.parse(JSON.stringify(given)) as JsonObject
    return JSON.stringify(decodeJson(encodeJson(value))) === JSON.stringify(value)
  }), { numRuns: 500 })
  t.pass('all of them')
})
