import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import type { Content } from '../../../cdmi/values.js'
import { objectText, type ShownValue } from '../../../routes/cdmi/object-writer.js'
import type { JsonObject } from '../../../storage/contract.js'
import { chunkSizes, gather, inChunks } from './streams.js'
import { anyText } from '../../helpers/any-text.js'

/** A value as the store would hand it out. */
function content (bytes: Uint8Array, sizes: readonly number[] = [Infinity]): Content {
  return { offset: 0, length: bytes.length, bytes: undefined, stream: () => inChunks(bytes, sizes), async read () { return bytes } }
}

const fields = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 2 })).map(object => JSON.parse(JSON.stringify(object)) as JsonObject)

t.test('a small answer comes in one piece, with the value last', async () => {
  await fc.assert(fc.asyncProperty(fields, anyText(), fc.constantFrom<ShownValue['encoding']>('utf-8', 'base64', 'json'), async (fields, text, encoding) => {
    if (Object.hasOwn(fields, '__proto__')) return
    delete fields['value']
    const bytes = Buffer.from(encoding === 'json' ? JSON.stringify({ text }) : text)
    const answer = await objectText(fields, { encoding, content: content(bytes) })
    const object = JSON.parse(Buffer.from(answer.body ?? '').toString()) as JsonObject
    const value = encoding === 'json' ? { text } : encoding === 'base64' ? bytes.toString('base64') : text
    return answer.length === Buffer.byteLength(answer.body ?? '') && isDeepStrictEqual(object, { ...fields, value }) && Object.keys(object).at(-1) === 'value' &&
      (await gather(answer.stream())).equals(Buffer.from(answer.body ?? ''))
  }))
})

t.test('an object without a value is its fields, in their order', async t => {
  const answer = await objectText({ b: 1, a: 'ü' })
  t.equal(Buffer.from(answer.body ?? '').toString(), '{"b":1,"a":"ü"}')
  t.equal(answer.length, 16)
  t.equal((await objectText({})).length, 2)
})

t.test('a value that is neither short nor long is a stream of known length', async t => {
  for (const size of [128 * 1024 + 1, 1024 * 1024]) {
    for (const text of ['plain text, '.repeat(size), 'ab"c\n\u00e9'.repeat(size)]) {
      for (const encoding of ['utf-8', 'base64', 'json'] as const) {
        const bytes = Buffer.from(encoding === 'json' ? JSON.stringify(text.slice(0, size - 2000)) : text).subarray(0, encoding === 'json' ? undefined : size)
        const answer = await objectText({ a: 1 }, { encoding, content: content(bytes, [300_000]) })
        const all = await gather(answer.stream())
        t.equal(answer.length, all.length)
        const { value } = JSON.parse(all.toString()) as { value: string }
        t.ok(value === (encoding === 'base64' ? bytes.toString('base64') : encoding === 'json' ? text.slice(0, size - 2000) : bytes.toString()))
      }
    }
  }
})

t.test('a long value is a stream, and where it can be known the length is exact', async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1024 * 1024 + 1, max: 1024 * 1024 + 20 }), chunkSizes, async (size, sizes) => {
    const text = 'ab"c\n'.repeat(size / 5 + 1).slice(0, size)
    const chunked = sizes.map(size => size * 10_000)
    for (const encoding of ['utf-8', 'base64', 'json'] as const) {
      const bytes = Buffer.from(encoding === 'json' ? JSON.stringify(text) : text)
      const answer = await objectText({ valuerange: `0-${size - 1}` }, { encoding, content: content(bytes, chunked) })
      if (answer.body !== undefined) return false
      const all = await gather(answer.stream())
      if (encoding === 'utf-8' ? answer.length !== undefined : answer.length !== all.length) return false
      const { value } = JSON.parse(all.toString()) as { value: string }
      if (value !== (encoding === 'base64' ? bytes.toString('base64') : text)) return false
    }
  }), { numRuns: 5 })
})
