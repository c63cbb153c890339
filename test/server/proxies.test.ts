import t from 'tap'
import { trustedProxies } from '../../server/trust-proxy.js'
import { ask, authorization, builtServer, runningServer, type RunningServer } from '../helpers/built-server.js'

const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'store.example.org', 'x-forwarded-for': '192.0.2.7' }

async function locationOf (server: RunningServer, localAddress = '127.0.0.1'): Promise<string | undefined> {
  const { headers } = await ask(server.url + '/', {
    method: 'POST',
    localAddress,
    headers: { authorization, accept: 'application/json', 'content-type': 'multipart/form-data; boundary=b', ...forwarded },
    body: '--b\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n\r\nx\r\n--b--\r\n'
  })
  return headers.location
}

t.test('what a proxy says of scheme, host and client counts when the proxy is believed', async t => {
  for (const trustProxy of ['true', 'loopback', '127.0.0.1', '10.0.0.0/8, 127.0.0.0/8']) {
    const server = await runningServer(t, { trustProxy })
    t.equal(await locationOf(server), 'https://store.example.org/a.txt', trustProxy)
    await server.close()
    t.match(server.lines().find(({ req }) => req !== undefined), { req: { remoteAddress: '192.0.2.7' } })
  }
})

t.test('what a proxy says does not count when it is not believed', async t => {
  for (const config of [{}, { trustProxy: 'false' }, { trustProxy: '10.0.0.0/8' }]) {
    const server = await runningServer(t, config)
    t.equal(await locationOf(server), `http://127.0.0.1:${server.port}/a.txt`, JSON.stringify(config))
    await server.close()
    t.match(server.lines().find(({ req }) => req !== undefined), { req: { remoteAddress: '127.0.0.1' } })
  }
})

t.test('only the address that is named is believed', async t => {
  const server = await runningServer(t, { trustProxy: '127.0.0.2' })
  t.equal(await locationOf(server, '127.0.0.2'), 'https://store.example.org/a.txt')
  t.match(await locationOf(server), `http://127.0.0.1:${server.port}/a`)
})

t.test('values of trustProxy that are no address or network are refused at start', async t => {
  for (const wrong of ['yes', 'example.org', '10.0.0.0/33', '10.0.0.0/8/8', '10.0.0', '::/129', 'loopback, nonsense', '-1', '1.5', '0', '1', '10.0.0.0/', ',', ' ']) {
    t.throws(() => trustedProxies(wrong), { name: 'ConfigError', message: /trustProxy/ }, wrong)
  }
  await t.rejects(builtServer(t, { trustProxy: 'nonsense' }), { name: 'ConfigError', message: /trustProxy has "nonsense"/ })
  t.same(trustedProxies('::1, fc00::/7,10.1.2.3'), ['::1', 'fc00::/7', '10.1.2.3'])
})
