import fc from 'fast-check'
import t from 'tap'
import { openMemoryStore } from '../../../storage/memory/memory-store.js'
import { build } from './build.js'

interface Write { kind: 'range' | 'whole', method: 'PUT' | 'PATCH', at: number, body: Buffer, form: number }

const write: fc.Arbitrary<Write> = fc.record({
  kind: fc.constantFrom('range' as const, 'range' as const, 'range' as const, 'whole' as const),
  method: fc.constantFrom('PUT' as const, 'PATCH' as const),
  at: fc.nat(300),
  body: fc.uint8Array({ minLength: 1, maxLength: 120 }).map(bytes => Buffer.from(bytes)),
  form: fc.nat(3)
})

function after (value: Buffer, { kind, at, body }: Write): Buffer {
  if (kind === 'whole') return body
  const next = Buffer.alloc(Math.max(value.length, at + body.length))
  value.copy(next)
  body.copy(next, at)
  return next
}

function contentRange ({ at, body, form }: Write): string {
  const range = `${at}-${at + body.length - 1}`
  return [`bytes ${range}/*`, `bytes ${range}/${at + body.length}`, `bytes=${range}`, range][form] ?? range
}

t.test('HDO-07, HDO-21, HDO-22, HDO-40, HDO-41: any series of writes leaves what it leaves in a buffer', async t => {
  const app = await build(t, { store: openMemoryStore({ inlineLimit: 100, segmentSize: 50 }) })
  let number = 0
  await fc.assert(fc.asyncProperty(fc.array(write, { minLength: 1, maxLength: 12 }), fc.nat(400), fc.integer({ min: 1, max: 400 }), async (writes, first, length) => {
    const url = `/object${number++}`
    let value: Buffer | undefined
    for (const one of writes) {
      const answer = await app.inject({ method: one.method, url, body: one.body, headers: one.kind === 'range' ? { 'content-range': contentRange(one) } : {} })
      if (value === undefined && one.method === 'PATCH') {
        if (answer.statusCode !== 404) return false
        continue
      }
      if (answer.statusCode !== (value === undefined ? 201 : 204)) return false
      value = after(value ?? Buffer.alloc(0), one)
    }
    const read = await app.inject({ url })
    if (value === undefined) return read.statusCode === 404
    const range = await app.inject({ url, headers: { range: `bytes=${first}-${first + length - 1}` } })
    const expected = value.subarray(first, first + length)
    return read.rawPayload.equals(value) && (first >= value.length ? range.statusCode === 416 : range.rawPayload.equals(expected))
  }), { numRuns: 150 })
  t.pass()
})
