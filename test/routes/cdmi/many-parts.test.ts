import t from 'tap'
import * as fc from 'fast-check'
import { openMemoryStore, type Store } from '../../../index.js'
import { build } from '../plain/build.js'

interface Part { readonly size: number, readonly at?: number | undefined }

/** What part number `n` is made of. */
const bytesOf = (n: number, size: number): Buffer => Buffer.alloc(size, `part ${n}, `)

function body (parts: readonly Part[]): Buffer {
  const pieces: Buffer[] = [Buffer.from('--xyz\r\nContent-Type: application/cdmi-object\r\n\r\n{}\r\n')]
  for (const [n, { size, at }] of parts.entries()) {
    const where = at === undefined || size === 0 ? '' : `Content-Range: bytes ${at}-${at + size - 1}/*\r\n`
    pieces.push(Buffer.from(`--xyz\r\nContent-Type: text/plain\r\n${where}\r\n`), bytesOf(n, size), Buffer.from('\r\n'))
  }
  return Buffer.concat([...pieces, Buffer.from('--xyz--\r\n')])
}

/** The value that they make; undefined: they overlap. */
function valueOf (parts: readonly Part[]): Buffer | undefined {
  let [end, size] = [0, 0]
  const placed = parts.map(({ size: length, at: given }, n) => {
    const at = (length === 0 ? undefined : given) ?? end
    end = at + length
    if (length > 0) size = Math.max(size, end)
    return { at, bytes: bytesOf(n, length) }
  })
  const value = Buffer.alloc(size)
  const taken = new Uint8Array(size)
  for (const { at, bytes } of placed) {
    if (taken.subarray(at, at + bytes.length).includes(1)) return undefined
    taken.fill(1, at, at + bytes.length)
    value.set(bytes, at)
  }
  return value
}

const mixed = { 'content-type': 'multipart/mixed; boundary=xyz' }

/** A store, and how many blobs it was given. */
function counted (): { store: Store, puts: () => number } {
  const store = openMemoryStore()
  const { blobs } = store
  let puts = 0
  const counting: Store['blobs'] = Object.assign(Object.create(blobs), {
    async put (...args: Parameters<typeof blobs.put>) {
      puts++
      return await blobs.put(...args)
    }
  })
  return { store: Object.create(store, { blobs: { value: counting } }) as Store, puts: () => puts }
}

t.test('DOC-38: parts of any number, length and place make the value that they say', async t => {
  const app = await build(t)
  const part = fc.record({ size: fc.constantFrom(0, 1, 7, 1000, 65_536, 65_537, 200_000), at: fc.option(fc.constantFrom(0, 8, 70_000, 500_000, 2_000_000), { nil: undefined, freq: 4 }) })
  await fc.assert(fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 30 }), async parts => {
    await app.inject({ method: 'DELETE', url: '/o' })
    const { statusCode } = await app.inject({ method: 'PUT', url: '/o', headers: mixed, payload: body(parts) })
    const expected = valueOf(parts)
    if (expected === undefined) return statusCode === 400
    return statusCode === 201 && (await app.inject({ url: '/o' })).rawPayload.equals(expected)
  }), { numRuns: 60 })
})

t.test('DOC-38: thousands of small parts cost few files, however they are placed', async t => {
  const { store, puts } = counted()
  const app = await build(t, { store })
  const cases: Record<string, Part[]> = {
    following: Array.from({ length: 4000 }, () => ({ size: 20 })),
    longer: Array.from({ length: 200 }, () => ({ size: 20_000 })),
    apart: Array.from({ length: 2000 }, (_, n) => ({ size: 10, at: n * 20 }))
  }
  for (const [name, parts] of Object.entries(cases)) {
    for (const partial of [false, true]) {
      const before = puts()
      const headers = { ...mixed, ...partial ? { 'x-cdmi-partial': 'true' } : {} }
      t.equal((await app.inject({ method: 'PUT', url: `/${name}`, headers, payload: body(parts) })).statusCode, partial ? 202 : 201, name)
      t.ok(puts() - before <= 8, `${name}: ${puts() - before} files`)
      if (partial) t.equal((await app.inject({ method: 'PUT', url: `/${name}`, headers: { 'x-cdmi-partial': 'false' } })).statusCode, 201)
      t.ok((await app.inject({ url: `/${name}` })).rawPayload.equals(valueOf(parts) ?? Buffer.alloc(0)), name)
      await app.inject({ method: 'DELETE', url: `/${name}` })
    }
  }
})

t.test('more parts than can be kept apart are refused with 400, and nothing is stored', async t => {
  const app = await build(t)
  const parts = Array.from({ length: 10_001 }, (_, n) => ({ size: 1, at: n * 2 }))
  const refused = await app.inject({ method: 'PUT', url: '/o', headers: mixed, payload: body(parts) })
  t.equal(refused.statusCode, 400)
  t.match(refused.json().detail, /at most 10000 parts/)
  t.equal((await app.inject({ url: '/o' })).statusCode, 404)
})
