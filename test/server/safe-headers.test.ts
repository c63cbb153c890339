import t from 'tap'
import { ask, authorization, runningServer, type RunningServer } from '../helpers/built-server.js'

const html = { authorization, accept: 'text/html' }

t.test('no answer may be taken for another type: every one says nosniff', async t => {
  const { url } = await runningServer(t)
  for (const path of ['/', '/none', '/data', '/data/none', '/cdmi/2.0.0/', '/-/health', '/-/ready', '/-/docs/', '/-/docs/json', '/-/none', '/socket.io/', '/%ff', '/data/%ff']) {
    const { status, headers } = await ask(url + path, { headers: { authorization } })
    t.equal(headers['x-content-type-options'], 'nosniff', `${path} ${status}`)
  }
})

t.test('pages of ours run and load nothing: listing, form answer, error', async t => {
  const { url } = await runningServer(t)
  const form = { method: 'POST', headers: { ...html, 'content-type': 'multipart/form-data; boundary=b' }, body: '--b\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n\r\nx\r\n--b--\r\n' }
  const pages = [await ask(url + '/', { headers: html }), await ask(url + '/', form), await ask(url + '/none', { headers: html }), await ask(url + '/', { headers: { accept: 'text/html' } })]
  t.same(pages.map(({ status }) => status), [200, 201, 404, 401])
  for (const { headers, status } of pages) {
    t.match(headers['content-type'], /^text\/html/, String(status))
    const policy = String(headers['content-security-policy'])
    for (const directive of ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"]) t.ok(policy.includes(directive), directive)
    t.notMatch(policy, /unsafe/)
  }
})

t.test('HTML that somebody stored cannot act with the origin of the server', async t => {
  const { url } = await runningServer(t)
  await ask(url + '/x.html', { method: 'PUT', headers: { authorization, 'content-type': 'text/html' }, body: '<script>alert(1)</script>' })
  const { headers } = await ask(url + '/x.html', { headers: html })
  t.match(headers['content-security-policy'], /sandbox/)
})

const policyOf = async (server: RunningServer, path: string): Promise<string> => String((await ask(server.url + path)).headers['content-security-policy'])

t.test('the page of the API loads nothing from elsewhere, nor over HTTPS what is there over HTTP', async t => {
  const server = await runningServer(t)
  for (const path of ['/-/docs', '/-/docs/', '/-/docs/static/index.html']) {
    const policy = await policyOf(server, path)
    t.match(policy, "default-src 'self'", path)
    t.match(policy, /frame-ancestors '(none|self)'/)
    t.notMatch(policy, /https?:|\w\.\w|unsafe-eval|upgrade-insecure-requests/, policy)
  }
})
