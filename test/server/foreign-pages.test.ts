/** What pages of others can make the browser of a user do: it sends along the password that was typed once for this server. */
import t from 'tap'
import { ask, authorization, runningServer } from '../helpers/built-server.js'

const form = { 'content-type': 'multipart/form-data; boundary=b' }
const body = '--b\r\nContent-Disposition: form-data; name="f"; filename="forged"\r\n\r\nx\r\n--b--\r\n'

t.test('a form of a page of another origin is refused (403) and stores nothing; one of our own, and programs, are not', async t => {
  const { url } = await runningServer(t)
  const own = new URL(url).origin
  const post = async (headers: Record<string, string>, path = '/'): Promise<number> => (await ask(url + path, { method: 'POST', headers: { authorization, ...form, ...headers }, body })).status
  t.equal(await post({ origin: 'http://evil.example' }), 403)
  t.equal(await post({ origin: 'null' }), 403)
  t.equal(await post({ origin: own, 'sec-fetch-site': 'cross-site' }), 403)
  t.equal(await post({ origin: own, 'sec-fetch-site': 'same-site' }), 403, 'a page of a neighbour is of another origin, too')
  t.equal((await ask(url + '/', { method: 'POST', headers: { authorization, 'content-type': 'text/plain', origin: 'http://evil.example' }, body: 'x' })).status, 403)
  t.equal((await ask(url + '/data/forged', { method: 'POST', headers: { authorization, 'content-type': 'text/plain', origin: 'http://evil.example' }, body: '{}' })).status, 403)
  t.same(JSON.parse((await ask(url + '/', { headers: { authorization, accept: 'application/json' } })).text).children, ['data/'])
  t.equal(await post({}), 201)
  t.equal(await post({ origin: own }), 201)
  t.equal(await post({ origin: 'https://a-name-that-a-proxy-has.example', 'sec-fetch-site': 'same-origin' }), 201)
  t.equal(await post({ 'sec-fetch-site': 'none' }), 201)
})

t.test('pages of origins that the operator names may post; where all are, scripts with credentials of their own, but no forms', async t => {
  const named = await runningServer(t, { cors: ['http://app.example'] })
  const everybody = await runningServer(t, { cors: ['*'] })
  const post = async ({ url }: { url: string }, headers: Record<string, string>): Promise<number> => (await ask(url + '/', { method: 'POST', headers: { authorization, ...form, ...headers }, body })).status
  t.equal(await post(named, { origin: 'http://app.example', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }), 201)
  t.equal(await post(named, { origin: 'http://evil.example' }), 403)
  const asked = { origin: 'http://evil.example', 'x-requested-with': 'fetch' }
  t.equal(await post(everybody, { ...asked, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }), 201)
  t.equal(await post(everybody, asked), 201)
  t.equal(await post(everybody, { origin: 'http://evil.example', 'content-type': 'application/pdf' }), 201, 'of a type for which browsers ask')
  t.equal(await post(everybody, { origin: 'http://evil.example', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }), 403)
})

t.test('where all origins are permitted the credentials that a browser keeps are of no use to a page: what it could send without asking is refused (403)', async t => {
  const { url } = await runningServer(t, { cors: ['*'], anonymous: 'write' })
  const post = async (headers: Record<string, string>, path = '/'): Promise<number> => (await ask(url + path, { method: 'POST', headers: { origin: 'http://evil.example', ...headers }, body })).status
  // Over plain HTTP browsers say nothing of how a page sends something.
  for (const more of [{}, { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }]) {
    for (const type of [form, { 'content-type': 'text/plain' }, { 'content-type': ' Text/Plain ;charset=utf-8' }, { 'content-type': 'application/x-www-form-urlencoded' }, {}]) {
      t.equal(await post({ authorization, ...type, ...more }), 403, JSON.stringify(type))
    }
    t.equal(await post({ ...form, ...more }), 201, 'nobody in particular')
  }
  t.equal(await post({ authorization, 'content-type': 'application/json' }, '/data/x'), 400, 'is asked for, and what it brings is looked at')
})

t.test('a session of socket.io whose answers are scripts, which any page can load and read, has no credentials but those in its messages', async t => {
  const { url } = await runningServer(t)
  const session = async (query: string, headers: Record<string, string>): Promise<string> => {
    const polling = `${url}/socket.io/?EIO=4&transport=polling${query}`
    const [, sid] = /\\?"sid\\?":\\?"([^"\\]+)/.exec((await ask(polling, { headers })).text) ?? []
    const send = async (packet: string): Promise<unknown> => await ask(`${polling}&sid=${sid}`, query === '' ? { method: 'POST', body: packet } : { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: `d=${encodeURIComponent(packet)}` })
    await send('40')
    await ask(`${polling}&sid=${sid}`)
    await send('42["http message",{"method":"GET","url":"/data"}]')
    return (await ask(`${polling}&sid=${sid}`)).text
  }
  t.match(await session('', { authorization }), '"status":200')
  t.match(await session('', { authorization, 'sec-fetch-site': 'cross-site' }), '"status":401')
  t.match(await session('&j=0', { authorization }), /status\\?":401/)
})
