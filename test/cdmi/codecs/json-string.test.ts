import { isUtf8 } from 'node:buffer'
import fc from 'fast-check'
import t from 'tap'
import { escapeJsonString } from '../../../cdmi/codecs/json-string.js'
import { chunkSizes, gather, inChunks } from '../../routes/cdmi/streams.js'
import { anyCharacter } from '../../helpers/any-text.js'

const texts = fc.string({ unit: fc.oneof(fc.constantFrom('"', '\\', '\u0000', '\n', '\u001f', '\u007f', 'é', '€', '😀', '\u2028'), anyCharacter) })

t.test('any text comes back from JSON.parse, however the stream is cut', async () => {
  await fc.assert(fc.asyncProperty(texts, chunkSizes, async (text, sizes) => {
    const chunks: Uint8Array[] = []
    for await (const chunk of escapeJsonString(inChunks(text, sizes))) chunks.push(chunk)
    return JSON.parse(`"${Buffer.concat(chunks).toString()}"`) === text && chunks.every(chunk => isUtf8(chunk))
  }), { numRuns: 1000 })
})

t.test('long texts, too', async t => {
  const text = 'a plain text, ünd "quotes" 😀\n'.repeat(40_000)
  for (const sizes of [[Infinity], [65_537]]) t.ok(JSON.parse(`"${(await gather(escapeJsonString(inChunks(text, sizes)))).toString()}"`) === text)
})

t.test('text without anything to escape is passed on as it came', async t => {
  const chunk = Buffer.from('grüße')
  async function * source (): AsyncGenerator<Uint8Array> { yield chunk }
  for await (const out of escapeJsonString(source())) t.equal(out.buffer, chunk.buffer)
})

t.test('bytes that are no text are not lost', async t => {
  t.strictSame(await gather(escapeJsonString(inChunks(Buffer.from('61c3', 'hex')))), Buffer.from('61c3', 'hex'))
})
