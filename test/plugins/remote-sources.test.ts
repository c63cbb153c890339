import t, { type Test } from 'tap'
import type { LookupAddress } from 'node:dns'
import { createServer } from 'node:https'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { RequestListener } from 'node:http'
import { generate } from 'selfsigned'
import { openRemoteSources, type RemoteSourcesParts } from '../../plugins/remote-sources.js'
import { isPublicAddress } from '../../plugins/remote-sources/addresses.js'
import { Pace } from '../../plugins/remote-sources/pace.js'
import type { RemoteContent, RemoteSources } from '../../cdmi/remote-sources.js'
import type { RemoteSource } from '../../schemas/options.js'
import { eventually } from '../helpers/eventually.js'
import { otherServer } from '../helpers/other-server.js'
import { Cdmi, openMemoryStore } from '../../index.js'
import { parseAddress, objectIDRoot } from '../../cdmi/address.js'

t.test('only addresses that are everybody\'s are public, in whatever form they are written', async t => {
  for (const address of ['1.1.1.1', '8.8.8.8', '172.15.0.1', '172.32.0.1', '192.167.1.1', '100.128.0.1', '223.255.255.255', '2606:4700::1111', '2a00:1450:4001::8', '::ffff:1.1.1.1', '64:ff9b::8.8.8.8', '2002:808:808::1', '2001:200::1']) t.equal(isPublicAddress(address), true, address)
  for (const address of [
    '0.0.0.0', '0.1.2.3', '10.0.0.1', '100.64.0.1', '127.0.0.1', '127.255.255.255', '169.254.169.254', '172.16.0.1', '172.31.255.255', '192.0.0.8', '192.0.2.1', '192.168.0.1', '198.18.0.1', '198.51.100.1',
    '203.0.113.1', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255',
    '::', '::1', '::127.0.0.1', '::8.8.8.8', '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:10.0.0.1', '0:0:0:0:0:ffff:a9fe:a9fe', '::ffff:0:8.8.8.8', '64:ff9b::10.0.0.1', '64:ff9b::7f00:1', '64:ff9b:1::1', '64:ff9b::1:808:808',
    '2002:7f00:1::', '2002:a9fe:a9fe::1', '2002:c0a8:1::1', '2001::1', '2001:10::1', '2001:1ff::1', '2001:db8::1', '3fff::1', 'fc00::1', 'fd12:3456::1', 'fe80::1', 'fe80::1%eth0', 'fec0::1', 'ff02::1', '100::1', '4000::1',
    'localhost', '', '1.1.1', '1.1.1.1.1', '[::1]'
  ]) t.equal(isPublicAddress(address), false, address)
})

interface Opened { readonly sources: RemoteSources, take (uri: string): Promise<RemoteContent> }

function open (t: Test, entries: readonly RemoteSource[], parts: RemoteSourcesParts = {}): Opened {
  const sources = openRemoteSources(entries, parts)
  t.teardown(async () => { await sources.close() })
  return {
    sources,
    async take (uri) {
      const object = await sources.open(uri, undefined)
      try {
        return await object.receive({
          async stage (source) {
            const chunks: Uint8Array[] = []
            for await (const chunk of source) chunks.push(chunk)
            const inline = Buffer.concat(chunks)
            return { size: inline.length, inline, segments: [], births: [], utf8: undefined }
          },
          reread: () => { throw new Error('not needed') }
        }, { value: true, ranged: false })
      } finally {
        object.close()
      }
    }
  }
}

const refusal = (sentence: RegExp) => ({ code: 'CDMI_SOURCE_UNUSABLE', statusCode: 400, message: sentence })

t.test('nothing is asked but servers that are named, with the very scheme, host and port', async t => {
  let asked = 0
  const origin = await otherServer(t, (_request, response) => {
    asked++
    response.end('x')
  })
  const { port } = new URL(origin)
  const { take } = open(t, [{ origin, privateAddresses: true }], { lookup: (_name, callback) => { callback(null, [{ address: '127.0.0.1', family: 4 }]) } })
  for (const uri of [
    `https://127.0.0.1:${port}/`, 'http://127.0.0.1/', `http://127.0.0.1:${Number(port) + 1}/`, `http://localhost:${port}/`, `http://127.0.0.1.:${port}.evil.example/`, `http://[::1]:${port}/`,
    `http://user:pass@127.0.0.1:${port}/`, `http://user@127.0.0.1:${port}/`, `http://evil.example:${port}@127.0.0.1:${port}/`, 'ftp://127.0.0.1/x', 'file:///etc/passwd', `gopher://127.0.0.1:${port}/`, 'data:text/plain,x', 'http://', 'nothing', ''
  ]) await t.rejects(take(uri), { code: 'CDMI_SOURCE_UNUSABLE', statusCode: 400 }, uri)
  t.equal(asked, 0)
  // Other ways to write the same.
  for (const uri of [`${origin}/x`, `HTTP://127.0.0.1:${port}`, `http://127.1:${port}/`, `http://0x7f000001:${port}/`, `${origin}/x#fragment`]) t.match(await take(uri), { cdmi: false }, uri)
  t.equal(asked, 5)
})

t.test('addresses are checked as they are connected to: names by what they lead to, numbers as they are', async t => {
  let asked = 0
  const origin = await otherServer(t, (_request, response) => {
    asked++
    response.end('x')
  })
  const { port } = new URL(origin)
  const named = `http://name.example:${port}`
  const answers: LookupAddress[][] = [[{ address: '127.0.0.1', family: 4 }], [{ address: '::1', family: 6 }], [{ address: '::ffff:127.0.0.1', family: 6 }], [{ address: '1.1.1.1', family: 4 }, { address: '10.0.0.1', family: 4 }]]
  for (const found of answers) {
    let lookups = 0
    const { take } = open(t, [{ origin: named }], {
      lookup: (name, callback) => {
        lookups++
        t.equal(name, 'name.example')
        callback(null, found)
      }
    })
    await t.rejects(take(`${named}/`), refusal(/not public/))
    t.equal(lookups, 1)
  }
  const failing: Array<[Error | null, LookupAddress[]]> = [[new Error('queryA ENOTFOUND 10.1.2.3'), []], [null, []]]
  for (const [error, found] of failing) {
    const { take } = open(t, [{ origin: named }], { lookup: (_name, callback) => { callback(error, found) } })
    await t.rejects(take(named), refusal(/^The server of the source cannot be reached, or does not speak HTTP as it should; nothing was changed$/))
  }
  for (const host of ['127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', '[64:ff9b::a00:1]']) {
    const { take } = open(t, [{ origin: `http://${host}:${port}` }])
    await t.rejects(take(`http://${host}:${port}/`), refusal(/not public/))
  }
  t.equal(asked, 0)
  const { take } = open(t, [{ origin: named, privateAddresses: true }], { lookup: (_name, callback) => { callback(null, [{ address: '127.0.0.1', family: 4 }]) } })
  t.match(await take(named), { cdmi: false })
  const system = open(t, [{ origin: `http://localhost:${port}` }])
  await t.rejects(system.take(`http://localhost:${port}/`), refusal(/not public/))
  t.equal(asked, 1)
})

t.test('each step of a redirect is checked as the first one was, and nobody gets credentials that are not for it', async t => {
  const seen: Array<string | undefined> = []
  const targets = await otherServer(t, ({ headers }, response) => {
    seen.push(headers.authorization)
    response.end('target')
  })
  const forbidden = await otherServer(t, () => { t.fail('this server is not named') })
  const { port } = new URL(targets)
  const origin = await otherServer(t, ({ url = '', headers }, response) => {
    t.equal(headers.authorization, 'Basic ' + Buffer.from('me:secret').toString('base64'))
    const [, steps] = /^\/steps\/(\d+)$/.exec(url) ?? []
    const to: Record<string, string> = { '/loop': '/loop', '/allowed': `${targets}/x`, '/forbidden': `${forbidden}/x`, '/private': `http://inside.example:${port}/`, '/user': `http://a:b@127.0.0.1:${port}/`, '/file': 'file:///etc/passwd', '/bad': 'http://[', '/relative': 'end' }
    if (url === '/end' || steps === '0') return response.end('end')
    response.writeHead(url === '/allowed' ? 307 : 302, { location: steps === undefined ? to[url] : `/steps/${Number(steps) - 1}` }).end('moved')
  })
  const { take } = open(t, [{ origin, username: 'me', password: 'secret', privateAddresses: true }, { origin: targets, privateAddresses: true }, { origin: `http://inside.example:${port}`, token: 'abc' }],
    { lookup: (_name, callback) => { callback(null, [{ address: '127.0.0.1', family: 4 }]) } })
  for (const path of ['/relative', '/steps/5', '/allowed']) t.ok((await take(origin + path)).value, path)
  t.same(seen, [undefined])
  for (const [path, sentence] of [['/loop', /more than 5/], ['/steps/6', /more than 5/], ['/forbidden', /may not ask/], ['/private', /not public/], ['/user', /name or a password/], ['/file', /begins neither/], ['/bad', /redirects to nowhere/]] as const) {
    await t.rejects(take(origin + path), refusal(sentence), path)
  }
  t.same(seen, [undefined])
  const bearer = open(t, [{ origin: targets, token: 'abc', privateAddresses: true }])
  await bearer.take(targets)
  t.same(seen, [undefined, 'Bearer abc'])
})

t.test('a server that does not answer, or stops in the middle, is not waited for', async t => {
  const origin = await otherServer(t, ({ url }, response) => {
    if (url === '/body') response.writeHead(200, { 'content-length': '10' }).write('x')
  })
  const { take } = open(t, [{ origin, privateAddresses: true }], { patience: { headers: 50, body: 50 } })
  await t.rejects(take(`${origin}/headers`), refusal(/takes too long/))
  await t.rejects(take(`${origin}/body`), refusal(/did not send all of it/))
})

t.test('a server that sends a little now and then, or never comes to an end, does not hold a transfer for ever', async t => {
  let closed = 0
  const origin = await otherServer(t, ({ url }, response) => {
    if (url === '/headers') return
    response.writeHead(200, { 'content-length': '10000000' })
    const piece = Buffer.alloc(url === '/trickle' ? 1 : 5000)
    const timer = setInterval(() => { response.write(piece) }, 5)
    response.once('close', () => {
      clearInterval(timer)
      closed++
    })
  })
  const own = [{ origin, privateAddresses: true }]
  const strict = open(t, own, { patience: { rate: 10_000, grace: 50 } })
  await t.rejects(strict.take(`${origin}/trickle`), refusal(/too slowly \(limits\.remoteRate\)/))
  const short = open(t, own, { patience: { rate: 10_000, total: 100 } })
  await t.rejects(short.take(`${origin}/flood`), refusal(/longer than a transfer may take here \(limits\.remoteTime\)/))
  await t.rejects(short.take(`${origin}/headers`), refusal(/limits\.remoteTime/))
  const lax = open(t, own, { patience: { rate: 0, grace: 1, total: 100 } })
  await t.rejects(lax.take(`${origin}/trickle`), refusal(/limits\.remoteTime/))
  await eventually('all connections are closed', () => closed === 3)
})

t.test('a server that waits for this one is not called slow', async t => {
  const pace = new Pace({ rate: 1000, grace: 20 })
  for (let piece = 0; piece < 3; piece++) {
    await pace.wait(async () => {}, () => { throw new Error('given up') })
    pace.count(1)
    await new Promise(resolve => { setTimeout(resolve, 15) })
  }
  t.notOk(pace.tooSlow)
  await pace.wait(async () => { await new Promise(resolve => { setTimeout(resolve, 40) }) }, () => {})
  t.ok(pace.tooSlow)
})

t.test('who gives up ends what is under way', async t => {
  let closed: () => void = () => {}
  const ended = new Promise<void>(resolve => { closed = resolve })
  let arrived: () => void = () => {}
  const asked = new Promise<void>(resolve => { arrived = resolve })
  const origin = await otherServer(t, (_request, response) => {
    response.once('close', closed)
    arrived()
  })
  const { sources } = open(t, [{ origin, privateAddresses: true }])
  const controller = new AbortController()
  const opening = sources.open(origin, controller.signal)
  await asked
  controller.abort()
  await t.rejects(opening, refusal(/cannot be reached/))
  await ended
})

t.test('certificates are checked', async t => {
  const pems = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec' })
  const listener: RequestListener = () => { t.fail('nothing is said to it') }
  const server = createServer({ key: pems.private, cert: pems.cert }, listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  const origin = `https://localhost:${(server.address() as AddressInfo).port}`
  const { take } = open(t, [{ origin, privateAddresses: true }], { lookup: (_name, callback) => { callback(null, [{ address: '127.0.0.1', family: 4 }]) } })
  await t.rejects(take(origin), refusal(/cannot be reached/))
})

t.test('entries that are no origins are refused at start', async t => {
  for (const origin of ['other.example', 'https://other.example/', 'https://other.example/path', 'https://other.example?x', 'https://u@other.example', 'ftp://other.example', 'https://*.example/', 'https://']) {
    t.throws(() => openRemoteSources([{ origin }]), { code: 'CDMI_INVALID_OPTION' }, origin)
  }
  const origin = 'https://other.example'
  for (const more of [{ username: 'a' }, { password: 'a' }, { token: 'a', username: 'a', password: 'b' }]) t.throws(() => openRemoteSources([{ origin, ...more }]), { code: 'CDMI_INVALID_OPTION' })
  t.throws(() => openRemoteSources([{ origin }, { origin: 'https://other.example:443' }]), { code: 'CDMI_INVALID_OPTION' })
  await openRemoteSources([{ origin }, { origin: 'http://other.example' }]).close()
})

t.test('CMV-37: an object that was changed before its server refused to delete its own is not taken away', async t => {
  const principal = { name: 'u', authentication: 'anonymous', access: 'write' } as const
  const store = openMemoryStore()
  const model = new Cdmi(store)
  const address = parseAddress('/d')
  if (address === objectIDRoot) throw new Error('not an object')
  const made = await model.dataObjects.create(principal, objectIDRoot, { source: (async function * () {})() })
  const id = made.object.record.id
  await model.remove(principal, { from: id, names: [], slash: false })
  const taking = new Cdmi(store, {}, [], {}, {
    async open () {
      return {
        length: undefined,
        received: 0,
        async receive ({ stage }) {
          return { cdmi: true, objectID: id, value: { staged: await stage((async function * () { yield Buffer.from('x') })()), encoding: 'utf-8' } }
        },
        async remove () {
          await model.dataObjects.write(principal, address, 'put', { source: (async function * () { yield Buffer.from('changed') })() })
          return 'kept'
        },
        close () {}
      }
    }
  })
  await t.rejects(taking.moveRemoteObject(principal, { mode: 'put', address }, { uri: 'http://other.example/', said: {} }), { statusCode: 400, message: /there are two/ })
  t.equal((await model.dataObjects.read(principal, address, () => [])).object.record.size, 7)
})
