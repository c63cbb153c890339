/** Blobs in a real S3 server behind a network that misbehaves: retries, resumption, bounded time, and nothing left behind. */
import t, { type Test } from 'tap'
import { inspect } from 'node:util'
import { crc32 } from 'node:zlib'
import { v7 } from 'uuid'
import type { S3Options } from '../../schemas/s3-options.js'
import { type BlobID, type BlobStore, StorageError, type StorageReason } from '../../storage/contract.js'
import { openS3Blobs, type S3Blobs } from '../../storage/distributed/s3-blobs.js'
import { S3Client } from '../../storage/distributed/s3-client.js'
import { completeS3Options } from '../../storage/distributed/s3-settings.js'
import { textBody } from '../../storage/distributed/s3-upload.js'
import { eventually } from '../helpers/eventually.js'
import { type Fault, type FaultProxy, faultProxy } from '../helpers/fault-proxy.js'
import { startNode } from './child-process.js'
import { collect } from './driver.js'
import { freshOptions, s3Server, type S3Server } from './s3-server.js'

const megabyte = 1024 * 1024
const slowDown = { kind: 'answer', status: 503, body: '<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>later</Message></Error>' } as const
const lease = '01a21400-0000-7000-8000-000000000001'

/** Bytes that differ from place to place. */
function bytesOf (length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE((at * 2654435761) >>> 0, at)
  return bytes
}

function * chunksOf (bytes: Buffer, size = 65_536): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const hashOf = (bytes: Buffer): string => 'crc32:' + crc32(bytes).toString(16).padStart(8, '0')

async function listed (blobs: BlobStore): Promise<BlobID[]> {
  const found: BlobID[] = []
  for await (const blob of blobs.list(lease)) found.push(blob)
  return found
}

interface Place {
  readonly proxy: FaultProxy
  readonly blobs: S3Blobs
  readonly options: S3Options
  /** The server without the proxy between. */
  readonly direct: S3Client
  /** Keys of unfinished uploads in the place. */
  uploads (): Promise<string[]>
}

async function setUp (t: Test, server: S3Server, changes: Partial<S3Options> = {}): Promise<Place> {
  const proxy = await faultProxy(t, server.endpoint)
  const straight = freshOptions(server, changes)
  const options = { ...straight, endpoint: proxy.url, retryFor: 5_000, partSize: 5 * megabyte, ...changes }
  const blobs = openS3Blobs(options)
  const direct = new S3Client(completeS3Options(straight, undefined, {}))
  t.teardown(async () => { await Promise.all([blobs.close(), direct.close()]) })
  return {
    proxy,
    blobs,
    options,
    direct,
    async uploads () {
      const answer = await direct.send({ method: 'GET', key: '', query: { uploads: '', prefix: `${straight.prefix ?? ''}/` }, doing: 'looking' })
      return [...(answer?.text ?? '').matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) => key)
    }
  }
}

const kinds = (proxy: FaultProxy): Array<string | undefined> => proxy.seen.map(({ act }) => act)
const failsWith = (reason: StorageReason, message = /./): { name: string, reason: string, message: RegExp } => ({ name: 'StorageError', reason, message })

/** Milliseconds that it took to fail, and how. */
async function timed (work: Promise<unknown>): Promise<{ readonly error: unknown, readonly milliseconds: number }> {
  const begin = performance.now()
  const error = await work.then(() => new Error('it succeeded'), (error: unknown) => error)
  return { error, milliseconds: performance.now() - begin }
}

const server = await s3Server()
if (server === undefined) t.pass('no S3 server on this machine', { skip: true })
else suite(t, server)

function suite (t: Test, server: S3Server): void {
  t.test('requests that meet an overloaded server, a broken connection or a lost answer are sent again, and the blob is stored once', async t => {
    const { proxy, blobs } = await setUp(t, server)
    const value = Buffer.from('a value that gets through')
    const acts: Array<Fault['act']> = [slowDown, { kind: 'reset' }, { kind: 'lose' }, { kind: 'answer', status: 500 }, { kind: 'answer', status: 429 }, { kind: 'answer', status: 502, body: '<html>bad gateway</html>' }]
    for (const act of acts) {
      proxy.clear()
      proxy.add({ act, method: 'PUT' })
      const { blob, size, hash } = await blobs.put(lease, [value])
      t.same(kinds(proxy), [act.kind, undefined])
      t.same([size, hash], [value.length, hashOf(value)])
      proxy.add({ act, method: 'GET' })
      t.equal(Buffer.from(await blobs.read(blob, 2, 5)).toString(), 'value', act.kind)
      proxy.add({ act, method: 'GET' })
      t.same(await listed(blobs), [blob])
      proxy.add({ act, method: 'DELETE' })
      await blobs.remove(blob)
      t.same(await listed(blobs), [])
    }
  })

  t.test('a server that stays overloaded, away or silent: an error in bounded time', async t => {
    const { proxy, blobs, options } = await setUp(t, server, { retryFor: 400, timeout: 300 })
    for (const act of [slowDown, { kind: 'reset' }, { kind: 'hang' }] as const) {
      proxy.clear()
      proxy.add({ act, times: 1000 })
      const all = [blobs.put(lease, [Buffer.from('x')]), blobs.read(`${lease}/x`, 0, 1), blobs.remove(`${lease}/x`), listed(blobs), blobs.dropLease(lease), blobs.probe()]
      for (const { error, milliseconds } of await Promise.all(all.map(timed))) {
        t.match(error, failsWith('unavailable'), act.kind)
        t.ok(milliseconds < 8_000, `${milliseconds} ms`)
      }
    }
    t.ok(proxy.seen.length > 0)
    proxy.clear()
    t.equal((await blobs.put(lease, [Buffer.from('x')])).size, 1, 'and it heals by itself')
    await blobs.probe()
    const requests = proxy.seen.length
    await Promise.all([blobs.probe(), blobs.probe()])
    t.equal(proxy.seen.length, requests, 'what went well is believed for a while')
    const nobody = openS3Blobs({ ...options, endpoint: 'http://127.0.0.1:1' })
    t.match(await timed(nobody.put(lease, [Buffer.from('x')])), { error: failsWith('unavailable', /ECONNREFUSED/) })
    await nobody.close()
  })

  t.test('Retry-After is kept to', async t => {
    const { proxy, blobs } = await setUp(t, server)
    proxy.add({ act: { ...slowDown, headers: { 'retry-after': '1' } } })
    const begin = performance.now()
    await blobs.put(lease, [Buffer.from('x')])
    t.ok(performance.now() - begin >= 1000)
    const hasty = await setUp(t, server)
    hasty.proxy.add({ act: { ...slowDown, headers: { 'retry-after': '60' } } })
    const { error, milliseconds } = await timed(hasty.blobs.put(lease, [Buffer.from('x')]))
    t.match(error, failsWith('unavailable', /SlowDown "later"/))
    t.ok(milliseconds < 4_000, 'later than it may be tried again: no use in waiting')
  })

  t.test('a download that breaks off goes on where it was, and the bytes are those that were written', async t => {
    const { proxy, blobs } = await setUp(t, server)
    const value = bytesOf(3 * megabyte)
    const { blob } = await blobs.put(lease, chunksOf(value))
    proxy.clear()
    for (const after of [1_000_000, 100_000, 0, 700_000]) proxy.add({ act: { kind: 'cut', after }, method: 'GET' })
    const read = await collect(blobs.get(blob, 1000, value.length - 1000))
    t.ok(read.equals(value.subarray(1000)))
    t.same(kinds(proxy), ['cut', 'cut', 'cut', 'cut', undefined])
    const ranges = proxy.seen.map(({ headers }) => Number(/^bytes=(\d+)-3145727$/.exec(headers.range ?? '')?.[1]))
    t.equal(ranges[0], 1000)
    t.ok((ranges[1] ?? 0) > 1000 && (ranges[1] ?? 0) <= 1_001_000, `${ranges[1]}`)
    t.same(ranges, [...ranges].sort((a, b) => a - b), 'never from before')
    const tags = proxy.seen.map(({ headers }) => headers['if-match'])
    t.equal(tags[0], undefined)
    t.ok(tags.slice(1).every(tag => tag !== undefined && tag === tags[1]), 'only of the object it began with')
  })

  t.test('a download that cannot go on is an error, never a value that looks whole', async t => {
    const { proxy, blobs, direct, options } = await setUp(t, server, { retryFor: 300, timeout: 300 })
    const value = bytesOf(2 * megabyte)
    const { blob } = await blobs.put(lease, chunksOf(value))
    for (const act of [{ kind: 'cut', after: 0 }, { kind: 'stall', after: 1000 }] as const) {
      proxy.clear()
      proxy.add({ act, method: 'GET', times: 1000 })
      const { error, milliseconds } = await timed(collect(blobs.get(blob, 0, value.length)))
      t.match(error, failsWith('unavailable'), act.kind)
      t.ok(milliseconds < 8_000, `${milliseconds} ms`)
    }
    const key = `${options.prefix ?? ''}/blobs/${blob}`
    const overwrite = async (text: Buffer): Promise<void> => { await direct.send({ method: 'PUT', key, body: textBody(text), doing: 'overwriting' }) }
    proxy.clear()
    proxy.add({ act: { kind: 'stall', after: 500_000 }, method: 'GET' })
    const reading = blobs.get(blob, 0, value.length)[Symbol.asyncIterator]()
    t.notOk((await reading.next()).done)
    await overwrite(Buffer.alloc(value.length))
    await t.rejects((async () => { while ((await reading.next()).done !== true); })(), failsWith('corrupt', /412 PreconditionFailed; the object was overwritten/))
    await overwrite(Buffer.alloc(1000))
    await t.rejects(blobs.read(blob, 0, 1001), failsWith('corrupt', /1001 bytes from 0 on were written, the server has 1000/))
    await t.rejects(blobs.read(blob, 1000, 1), failsWith('corrupt', /416 InvalidRange/))
    proxy.clear()
    proxy.add({ act: { kind: 'answer', status: 200, body: 'no range but all' }, method: 'GET' })
    await t.rejects(blobs.read(blob, 0, 3), failsWith('unavailable', /range/))
    proxy.add({ act: { kind: 'answer', status: 206, headers: { 'content-range': 'bytes 1-3/9' }, body: 'abc' }, method: 'GET' })
    await t.rejects(blobs.read(blob, 0, 3), failsWith('unavailable', /another range/))
  })

  t.test('a reader that is slower than its connection gives it back to others, and loses nothing', async t => {
    const { proxy, blobs } = await setUp(t, server, { connections: 1, timeout: 2_000 })
    const value = bytesOf(4 * megabyte)
    const { blob } = await blobs.put(lease, chunksOf(value))
    proxy.clear()
    const slow = blobs.get(blob, 0, value.length)[Symbol.asyncIterator]()
    const first = await slow.next()
    t.equal(Buffer.from(await blobs.read(blob, 0, 10)).length, 10, 'another reader gets the only connection')
    const parts = [first.value ?? Buffer.alloc(0)]
    for (let next = await slow.next(); next.done !== true; next = await slow.next()) parts.push(next.value)
    t.ok(Buffer.concat(parts).equals(value))
    t.equal(proxy.seen.length, 3)
    // One that has enough lets go at once.
    const sated = blobs.get(blob, 0, value.length)[Symbol.asyncIterator]()
    t.notOk((await sated.next()).done)
    await sated.return?.()
    t.equal((await blobs.put(lease, [Buffer.from('x')])).size, 1)
  })

  t.test('no more requests wait for a connection than may: the next is refused at once', async t => {
    const { proxy, blobs } = await setUp(t, server, { connections: 2, waiting: 3, timeout: 500, retryFor: 0 })
    proxy.add({ act: { kind: 'hang' }, times: 2 })
    const all = await Promise.all(Array.from({ length: 8 }, async () => await timed(blobs.put(lease, [Buffer.from('x')]))))
    const refused = all.filter(({ error }) => error instanceof StorageError && error.message.includes('2 connections to S3 are busy, and 3 wait already'))
    t.equal(refused.length, 3)
    for (const { error } of refused) t.match(error, failsWith('unavailable'))
    t.ok(proxy.seen.length <= 5)
    t.equal((await blobs.put(lease, [Buffer.from('x')])).size, 1, 'the places are free again')
    proxy.clear()
    proxy.add({ act: { kind: 'hang' }, times: 2 })
    const stop = new AbortController()
    const busy = [1, 2].map(async () => await timed(blobs.put(lease, [Buffer.from('x')])))
    await eventually('both connections are busy', () => proxy.open() === 2)
    const waiting = timed(blobs.put(lease, [Buffer.from('x')], { signal: stop.signal }))
    const reason = new Error('not wanted any more')
    await new Promise(setImmediate)
    stop.abort(reason)
    t.equal((await waiting).error, reason, 'who waits hears its signal')
    await Promise.all(busy)
  })

  t.test('uploads at once take up no more memory than they may: others wait, and their sources with them', async t => {
    const { proxy, blobs } = await setUp(t, server, { memory: 11 * megabyte, waiting: 3, retryFor: 0 })
    // How many were asked for bytes.
    let asked = 0
    const source = function * (length: number): Generator<Buffer> {
      asked++
      yield * chunksOf(bytesOf(length))
    }
    proxy.add({ act: { kind: 'hang' }, method: 'PUT', times: 2 })
    const [stop, reason] = [new AbortController(), new Error('not wanted any more')]
    const stuck = [1, 2].map(async () => await timed(blobs.put(lease, source(5 * megabyte), { signal: stop.signal })))
    await eventually('two have sent what they have', () => proxy.open() === 2)
    t.equal(asked, 2)
    const waiting = [blobs.put(lease, source(5 * megabyte)), blobs.put(lease, source(12 * megabyte)), blobs.put(lease, source(3), { size: 3 })]
    t.match(await timed(blobs.put(lease, source(1))), { error: failsWith('unavailable', /hold all of the 11534336 bytes .* 3 wait already/) })
    t.equal(asked, 2, 'nobody was asked for bytes that there is no room for')
    stop.abort(reason)
    for (const { error } of await Promise.all(stuck)) t.equal(error, reason)
    t.same((await Promise.all(waiting)).map(({ size }) => size), [5 * megabyte, 12 * megabyte, 3])
    const again = await Promise.all(Array.from({ length: 4 }, async () => await blobs.put(lease, source(6 * megabyte))))
    t.equal(again.length, 4, 'all that was taken up was given back')
  })

  t.test('a long blob goes in parts; each is sent again by itself; a lost completion is looked up', async t => {
    const { proxy, blobs, uploads } = await setUp(t, server)
    const value = bytesOf(12 * megabyte + 5)
    proxy.add({ act: { kind: 'reset' }, path: /partNumber=2/ }, { act: slowDown, path: /partNumber=3/ }, { act: { kind: 'lose' }, method: 'POST', path: /uploadId=/ })
    const { blob, size, hash } = await blobs.put(lease, chunksOf(value))
    t.same([size, hash], [value.length, hashOf(value)])
    t.ok(Buffer.from(await blobs.read(blob, 5 * megabyte - 10, 20)).equals(value.subarray(5 * megabyte - 10, 5 * megabyte + 10)))
    t.ok((await collect(blobs.get(blob, 0, size))).equals(value))
    const sent = proxy.seen.flatMap(({ path }) => /partNumber=(\d+)/.exec(path)?.[1] ?? [])
    t.same(sent, ['1', '2', '2', '3', '3'])
    t.same(await uploads(), [])
    // Servers say 200 before they know, and the error afterwards.
    proxy.add({ act: { ...slowDown, status: 200, body: slowDown.body.replace('SlowDown', 'InternalError') }, method: 'POST', path: /uploadId=/ })
    t.equal((await blobs.put(lease, chunksOf(value))).size, value.length)
    const exact = await blobs.put(lease, chunksOf(value.subarray(0, 5 * megabyte)))
    t.equal(exact.size, 5 * megabyte)
    t.notMatch(proxy.seen.at(-1)?.path, 'partNumber', 'what fits into one part is one request')
  })

  t.test('an upload that fails leaves no parts: the source, the signal, a part, the completion', async t => {
    const left: string[] = []
    const place = await setUp(t, server, { retryFor: 300 })
    const { proxy, uploads } = place
    const blobs = openS3Blobs(place.options, { left: lease => { left.push(lease) } })
    t.teardown(async () => { await blobs.close() })
    const value = bytesOf(12 * megabyte)
    const failure = new Error('the client is gone')
    let closed = 0
    const source = async function * (end: () => void): AsyncGenerator<Buffer> {
      try {
        for (const chunk of chunksOf(value)) {
          if (chunk.byteOffset - value.byteOffset > 11 * megabyte) end()
          yield chunk
        }
      } finally {
        closed++
      }
    }
    await t.rejects(blobs.put(lease, source(() => { throw failure })), failure)
    const stop = new AbortController()
    await t.rejects(blobs.put(lease, source(() => { stop.abort(failure) }), { signal: stop.signal }), failure)
    proxy.add({ act: slowDown, path: /partNumber=2/, times: 1000 })
    await t.rejects(blobs.put(lease, source(() => {})), failsWith('unavailable', /writing part 2 of .* SlowDown/))
    proxy.clear()
    proxy.add({ act: { kind: 'answer', status: 403 }, method: 'POST', path: /uploadId=/ })
    await t.rejects(blobs.put(lease, source(() => {})), failsWith('permission', /completing/))
    t.equal(closed, 4, 'the source is always told')
    t.same(await uploads(), [])
    t.same(await listed(blobs), [])
    t.same(left, [lease, lease, lease, lease])
    await t.rejects(blobs.put(lease, (function * (): Generator<Buffer> { throw failure })()), failure)
    t.equal(left.length, 4, 'nothing was sent, so nothing can be left')
  })

  t.test('parts that could not be given up are given up when the lease is dropped, and no others', async t => {
    const { proxy, blobs, uploads } = await setUp(t, server)
    const failure = new Error('gone')
    const source = function * (): Generator<Buffer> {
      yield * chunksOf(bytesOf(11 * megabyte))
      throw failure
    }
    proxy.add({ act: { kind: 'reset' }, method: 'DELETE', path: /uploadId=/, times: 2 })
    await t.rejects(blobs.put(lease, source()), failure)
    await t.rejects(blobs.put(lease.replace('1', '2'), source()), failure)
    t.equal((await uploads()).length, 2)
    await blobs.dropLease(lease)
    t.match(await uploads(), [new RegExp(lease.replace('1', '2'))])
    await blobs.dropLease(lease.replace('1', '2'))
    t.same(await uploads(), [])
    proxy.add({ act: { kind: 'answer', status: 501 }, method: 'GET', path: /uploads=/ })
    await blobs.dropLease(lease)
  })

  t.test('bytes that were changed on their way are refused by the server and sent again; nothing wrong is ever stored', async t => {
    for (const checksum of ['sha256', 'md5'] as const) {
      const { proxy, blobs, uploads } = await setUp(t, server, { checksum, retryFor: 400 })
      const value = bytesOf(6 * megabyte)
      proxy.add({ act: { kind: 'tamper' }, method: 'PUT' })
      const small = await blobs.put(lease, [value.subarray(0, 70_000)])
      t.same(kinds(proxy), ['tamper', undefined], checksum)
      t.ok(Buffer.from(await blobs.read(small.blob, 0, 70_000)).equals(value.subarray(0, 70_000)))
      proxy.add({ act: { kind: 'tamper' }, path: /partNumber=2/ })
      const large = await blobs.put(lease, chunksOf(value))
      t.ok((await collect(blobs.get(large.blob, 0, value.length))).equals(value))
      await Promise.all([blobs.remove(small.blob), blobs.remove(large.blob)])
      proxy.add({ act: { kind: 'tamper' }, method: 'PUT', times: 1000 })
      const refused = failsWith('unavailable', checksum === 'sha256' ? /XAmzContentSHA256Mismatch/ : /BadDigest/)
      await t.rejects(blobs.put(lease, [value.subarray(0, 1000)]), refused)
      await t.rejects(blobs.put(lease, chunksOf(value)), refused)
      t.same(await listed(blobs), [])
      t.same(await uploads(), [])
    }
  })

  t.test('what a server refuses is said in the operator\'s words, once, and without the credentials', async t => {
    const { proxy, blobs, options } = await setUp(t, server)
    const refusals: Array<[status: number, code: string, reason: StorageReason, words: RegExp, headers?: Record<string, string>]> = [
      [403, 'AccessDenied', 'permission', /may not do this/],
      [403, 'SignatureDoesNotMatch', 'permission', /secret access key is wrong/],
      [403, 'InvalidAccessKeyId', 'permission', /does not know the access key/],
      [400, 'ExpiredToken', 'permission', /session token/],
      [401, '', 'permission', /may not do this/],
      [403, 'QuotaExceeded', 'full', /quota/],
      [507, 'XMinioStorageFull', 'full', /quota/],
      [400, 'EntityTooLarge', 'full', /room/],
      [404, 'NoSuchBucket', 'unavailable', /bucket does not exist/],
      [301, 'PermanentRedirect', 'unavailable', /the region eu-north-1/, { 'x-amz-bucket-region': 'eu-north-1' }],
      [400, 'AuthorizationHeaderMalformed', 'unavailable', /correct the region/],
      [307, '', 'unavailable', /correct the region/],
      [400, 'InvalidRequest', 'unavailable', /400 InvalidRequest/],
      [501, 'NotImplemented', 'unavailable', /501 NotImplemented/]
    ]
    for (const [status, code, reason, words, headers = {}] of refusals) {
      proxy.clear()
      const body = code === '' ? 'not XML <' : `<Error><Code>${code}</Code><Message>your ${options.secretAccessKey ?? ''} and ${options.accessKeyId ?? ''}</Message></Error>`
      proxy.add({ act: { kind: 'answer', status, headers, body } })
      const { error } = await timed(blobs.put(lease, [Buffer.from('x')]))
      t.match(error, failsWith(reason, words), `${status} ${code}`)
      t.equal(proxy.seen.length, 1, 'not worth another try')
      t.notMatch(inspect(error), options.secretAccessKey ?? '')
      t.notMatch(inspect(error), options.accessKeyId ?? '')
    }
    const wrong = openS3Blobs({ ...options, secretAccessKey: 'not-the-secret' })
    const { error } = await timed(wrong.put(lease, [Buffer.from('x')]))
    t.match(error, failsWith('permission', /SignatureDoesNotMatch/))
    t.notMatch(inspect(error, { depth: 10 }), /not-the-secret|Signature=/)
    await wrong.close()
  })

  t.test('a clock that is wrong is set by the server\'s, once', async t => {
    const { proxy, blobs, options } = await setUp(t, server)
    const child = startNode(t, 's3-wrong-clock', JSON.stringify(options), '-1')
    await child.ended
    t.same(child.lines, ['x'])
    t.same(proxy.seen.map(({ method }) => method), ['PUT', 'PUT', 'GET'], 'from then on it is right')
    proxy.clear()
    proxy.add({ act: { kind: 'answer', status: 403, body: '<Error><Code>RequestTimeTooSkewed</Code></Error>' }, times: 9 })
    await t.rejects(blobs.remove(`${lease}/x`), failsWith('unavailable', /clock of this machine/))
    t.equal(proxy.seen.length, 2)
  })

  t.test('long listings come in pages', async t => {
    const { proxy, blobs, options } = await setUp(t, server)
    const straight = openS3Blobs({ ...options, endpoint: server.endpoint })
    t.teardown(async () => { await straight.close() })
    const names: BlobID[] = []
    let begun = 0
    await Promise.all(Array.from({ length: 32 }, async () => {
      while (begun++ < 1003) names.push((await straight.put(lease, [Buffer.from('x')])).blob)
    }))
    t.same(await listed(blobs), names.sort())
    t.equal(proxy.seen.length, 2)
  })

  t.test('a listing passes over what others have put there, and does not go in circles', async t => {
    const { proxy, blobs, direct, options } = await setUp(t, server, { prefix: `test/${v7()} 100% a+b&c=d/é` })
    const { blob } = await blobs.put(lease, [Buffer.from('x')])
    for (const name of ['Photo of 2 + 2.jpg', '%41&é', 'sub/']) {
      await direct.send({ method: 'PUT', key: `${options.prefix ?? ''}/blobs/${lease}/${name}`, body: textBody(Buffer.from('x')), doing: 'writing' })
    }
    t.same(await listed(blobs), [blob])
    await blobs.dropLease(lease)
    await blobs.remove(blob)
    t.same(await listed(blobs), [])
    const page = '<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken></ListBucketResult>'
    proxy.add({ act: { kind: 'answer', status: 200, body: page }, times: 1000 })
    await t.rejects(listed(blobs), failsWith('unavailable', /for ever/))
    proxy.clear()
    proxy.add({ act: { kind: 'answer', status: 200, body: '<html>a portal</html>' } })
    await t.rejects(listed(blobs), failsWith('unavailable', /not that of S3/))
  })

  t.test('what answers 200 in the place of S3 has stored nothing', async t => {
    const { proxy, blobs } = await setUp(t, server)
    proxy.add({ act: { kind: 'answer', status: 200, body: '<html>a portal</html>' } })
    await t.rejects(blobs.put(lease, [Buffer.from('x')]), failsWith('unavailable', /not that of S3/))
  })

  t.test('temporary credentials are asked for before each request, and their token is sent and signed', async t => {
    const { proxy, options } = await setUp(t, server)
    const { accessKeyId, secretAccessKey, ...rest } = options
    let asked = 0
    const blobs = openS3Blobs(rest, {
      credentials: async () => {
        if (asked++ === 2) throw new Error('the role is gone')
        return { accessKeyId: 'temporary', secretAccessKey: 'secret', sessionToken: `token${asked}` }
      }
    })
    t.teardown(async () => { await blobs.close() })
    proxy.add({ act: { kind: 'answer', status: 200, headers: { etag: '"tag"' } }, times: 2 })
    await blobs.put(lease, [Buffer.from('x')])
    await blobs.put(lease, [Buffer.from('x')])
    t.same(proxy.seen.map(({ headers }) => headers['x-amz-security-token']), ['token1', 'token2'])
    t.match(proxy.seen[0]?.headers.authorization, /Credential=temporary\/.*SignedHeaders=[^,]*x-amz-security-token/)
    await t.rejects(blobs.put(lease, [Buffer.from('x')]), failsWith('unavailable', /no credentials for S3 now: the role is gone/))
  })

  t.test('TLS with an authority of one\'s own; a certificate that is not trusted is refused at once', async t => {
    const { generate } = await import('selfsigned')
    const pair = await generate([{ name: 'commonName', value: '127.0.0.1' }], { extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }] })
    const proxy = await faultProxy(t, server.endpoint, { key: pair.private, cert: pair.cert })
    const options = freshOptions(server, { endpoint: proxy.url })
    const trusting = openS3Blobs(options, { connect: { ca: pair.cert } })
    const { blob } = await trusting.put(lease, [Buffer.from('x')])
    t.equal(Buffer.from(await trusting.read(blob, 0, 1)).toString(), 'x')
    await trusting.close()
    const wary = openS3Blobs(options)
    const { error, milliseconds } = await timed(wary.put(lease, [Buffer.from('x')]))
    t.match(error, failsWith('unavailable', /certificate .* not trusted .* NODE_EXTRA_CA_CERTS/))
    t.ok(milliseconds < 10_000, 'without another try')
    await wary.close()
  })

  t.test('the bucket before the host name', { skip: server.own !== undefined ? false : 'the server does not answer to such names' }, async t => {
    const url = new URL(server.endpoint)
    const blobs = openS3Blobs(freshOptions(server, { endpoint: `http://s3.localhost:${url.port}`, style: 'virtual' }), {
      connect: { lookup: (_name, _options, callback) => { callback(null, [{ address: url.hostname, family: 4 }]) } }
    })
    const { blob } = await blobs.put(lease, [Buffer.from('value')])
    t.equal(Buffer.from(await blobs.read(blob, 1, 3)).toString(), 'alu')
    t.same(await listed(blobs), [blob])
    await Promise.all([blobs.remove(blob), blobs.remove(`${lease}/other`)])
    t.same(await listed(blobs), [])
    await blobs.close()
  })

  t.test('a store that was closed says so, also to what was under way', async t => {
    const { proxy, blobs } = await setUp(t, server)
    proxy.add({ act: { kind: 'hang' }, times: 2 })
    const underWay = [timed(blobs.put(lease, [Buffer.from('x')])), timed(blobs.read(`${lease}/x`, 0, 1))]
    await eventually('both are under way', () => proxy.open() === 2)
    await blobs.close()
    await blobs.close()
    for (const { error } of [...await Promise.all(underWay), await timed(blobs.remove(`${lease}/x`))]) t.match(error, failsWith('unavailable', /closed/))
  })

  t.test('a text beside the blobs is written once: the first stays. A server without conditions gets it without one; only a key that is not there is none', async t => {
    const { proxy, blobs } = await setUp(t, server, { retryFor: 0 })
    const path = /\.mark$/
    t.equal(await blobs.readText('.mark'), undefined)
    for (const code of ['NoSuchBucket', 'NoSuchUpload']) {
      proxy.add({ path, act: { kind: 'answer', status: 404, body: `<?xml version="1.0"?><Error><Code>${code}</Code></Error>` } })
      await t.rejects(blobs.readText('.mark'), { name: 'StorageError', reason: 'unavailable', message: new RegExp(code) })
    }
    proxy.add({ path, act: { kind: 'answer', status: 404 } })
    await t.rejects(blobs.readText('.mark'), { name: 'StorageError', reason: 'unavailable' })
    proxy.clear()
    proxy.add({ path, method: 'PUT', act: { kind: 'answer', status: 501, body: '<?xml version="1.0"?><Error><Code>NotImplemented</Code></Error>' } })
    await blobs.writeText('.mark', 'one')
    t.same(proxy.seen.map(({ headers }) => headers['if-none-match']), ['*', undefined])
    t.equal(await blobs.readText('.mark'), 'one')
    await blobs.writeText('.mark', 'two')
    t.equal(await blobs.readText('.mark'), 'one')
    proxy.add({ path, method: 'PUT', act: { kind: 'answer', status: 403, body: '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>' } })
    await t.rejects(blobs.writeText('.mark', 'three'), { name: 'StorageError', reason: 'permission' })
  })

  const { own } = server
  t.test('a server that is killed and comes back: what was acknowledged is there, what was under way gets through, nothing is started anew', {
    skip: own !== undefined ? false : 'the server is not ours to kill'
  }, async t => {
    const blobs = openS3Blobs(freshOptions(server, { retryFor: 60_000, connections: 8 }))
    t.teardown(async () => { await blobs.close() })
    const value = bytesOf(2 * megabyte)
    const { blob } = await blobs.put(lease, chunksOf(value))
    const reading = blobs.get(blob, 0, value.length)[Symbol.asyncIterator]()
    const parts = [(await reading.next()).value ?? Buffer.alloc(0)]
    const writing = Array.from({ length: 24 }, async (_, n) => await blobs.put(lease, [value.subarray(n, 100_000)]))
    await writing[0]
    own?.kill()
    const readOn = (async () => { for (let next = await reading.next(); next.done !== true; next = await reading.next()) parts.push(next.value) })()
    await own?.start()
    await readOn
    t.ok(Buffer.concat(parts).equals(value))
    for (const [n, { blob, size }] of (await Promise.all(writing)).entries()) t.ok(value.subarray(n, 100_000).equals(Buffer.from(await blobs.read(blob, 0, size))))
  })

  t.test('a blob of 160 MiB passes through in flat memory, there and back', { timeout: 300_000 }, async t => {
    const child = startNode(t, 's3-stream', JSON.stringify(freshOptions(server)), '160')
    await child.ended
    const { size, hash, readHash, grownMiB } = JSON.parse(child.lines.at(-1) ?? '{}')
    t.equal(size, 160 * megabyte)
    t.equal(readHash, hash)
    t.ok(grownMiB < 100, `the process grew by ${grownMiB} MiB`)
    t.comment(`grown by ${grownMiB} MiB`)
  })
}
