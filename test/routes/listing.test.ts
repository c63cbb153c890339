import t from 'tap'
import { openMemoryStore } from '../../storage/memory/memory-store.js'
import { namePageOf } from '../../storage/name-page.js'
import { admin, type Door, openDoor } from '../helpers/forms.js'

const hostile = ['"><script>alert(1)', 'javascript:alert(1)', 'a&b=c', "it's", '#hash', '100%', '%2e%2e', 'ünï 你好 🎉', 'http:', ' spaces ', '-', '__proto__', 'a;b', '+', '<!--', '&lt;', '..a']

async function put ({ model }: Door, ...names: string[]): Promise<void> {
  async function * source (): AsyncGenerator<Uint8Array> { yield Buffer.from(names.join('/')) }
  await model.dataObjects.write(admin, { from: undefined, names, slash: false }, 'put', { source: source(), mimetype: 'text/plain' })
}

/** What links of a page lead to, as a browser resolves them. */
function linksOf (html: string, base: string): string[] {
  return Array.from(html.matchAll(/<a [^>]*?href="([^"]*)"/g), match => new URL((match[1] ?? '').replaceAll('&amp;', '&').replaceAll('&#39;', "'"), base).href)
}

t.test('CLI-24: a page has relative links to every child, whatever its name is', async t => {
  const door = await openDoor(t, { prefix: '/cdmi/2.0.0' })
  const base = `${door.origin}/cdmi/2.0.0/c/`
  for (const name of hostile) await put(door, 'c', name)
  await door.model.containers.create(admin, { from: undefined, names: ['c', 'sub "container"?'.replace('?', '')], slash: true })
  const response = await fetch(base, { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } })
  t.equal(response.status, 200)
  t.equal(response.headers.get('content-type'), 'text/html; charset=utf-8')
  const html = await response.text()
  t.notMatch(html, /<script/i)
  t.notMatch(html, /href="(?!\.\.\/"|[^":]*")/, 'no link has a scheme')
  const links = linksOf(html, base)
  t.equal(links[0], `${door.origin}/cdmi/2.0.0/`)
  t.equal(links.length, hostile.length + 2)
  for (const link of links.slice(1)) {
    const child = await fetch(link)
    t.equal(child.status, 200, link)
    const shown = link.endsWith('/') ? '' : `c/${decodeURIComponent(link.slice(base.length))}`
    if (shown !== '') t.equal(await child.text(), shown)
    t.ok(link.startsWith(base))
  }
  t.ok(links.some(link => link.endsWith('/sub%20%22container%22/')), 'CLI-24: containers end in a slash')
})

t.test('HCO-03: a page loads nothing, runs nothing, and has a form that posts to its container', async t => {
  const door = await openDoor(t)
  const response = await fetch(`${door.origin}/c/?limit=5`, { headers: { accept: 'text/html' } })
  const policy = response.headers.get('content-security-policy') ?? ''
  t.match(policy, /default-src 'none'/)
  t.match(policy, /style-src 'sha256-/)
  t.notMatch(policy, /unsafe|script-src/)
  t.equal(response.headers.get('x-content-type-options'), 'nosniff')
  t.match(response.headers.get('vary'), /accept/i)
  const html = await response.text()
  t.match(html, /<form method="post" action="\.\/" enctype="multipart\/form-data"/)
  t.match(html, /<h1>\/c\/<\/h1>/)
  const reader = await openDoor(t, { principal: { ...admin, access: 'read' } })
  t.notMatch(await (await fetch(`${reader.origin}/c/`)).text(), /<form/, 'nothing that a reader may not do')
})

t.test('HCO-03, CLI-24: HTML for those that take anything, JSON for those that prefer it', async t => {
  const door = await openDoor(t)
  await put(door, 'c', 'a "quoted" ü')
  await door.model.containers.create(admin, { from: undefined, names: ['c', 'sub'], slash: true })
  for (const [accept, type] of [
    ['*/*', 'text/html'],
    ['text/html', 'text/html'],
    ['text/*', 'text/html'],
    ['application/json', 'application/json'],
    ['application/json, text/html;q=0.5', 'application/json'],
    ['application/json;q=0.1, */*;q=0.05', 'application/json'],
    ['image/png', 'text/html']
  ] as const) {
    const response = await fetch(`${door.origin}/c/`, { headers: { accept } })
    t.match(response.headers.get('content-type'), type, accept)
    if (type === 'application/json') {
      t.match(await response.json(), { objectName: 'c/', objectID: /^[0-9A-F]{48}$/, parentURI: '/', children: ['a "quoted" ü', 'sub/'] })
    } else await response.text()
  }
  const root = await (await fetch(`${door.origin}/`, { headers: { accept: 'application/json' } })).json() as Record<string, unknown>
  t.same(root['children'], ['c/'])
  t.notOk('parentURI' in root)
  t.notOk('objectName' in root)
  const sub = await (await fetch(`${door.origin}/c/sub/`, { headers: { accept: 'application/json' } })).json() as Record<string, unknown>
  t.match(sub, { objectName: 'sub/', parentURI: '/c/', children: [] })
})

t.test('GEN-05: HEAD of a container has the header of GET and no body', async t => {
  const door = await openDoor(t)
  await put(door, 'c', 'a')
  for (const accept of ['text/html', 'application/json']) {
    const get = await fetch(`${door.origin}/c/`, { headers: { accept } })
    const head = await fetch(`${door.origin}/c/`, { method: 'HEAD', headers: { accept } })
    t.equal(head.status, 200)
    t.equal(await head.text(), '')
    for (const name of ['content-type', 'content-security-policy', 'vary', 'cache-control']) t.equal(head.headers.get(name), get.headers.get(name), name)
    await get.text()
  }
})

t.test('HCO-03: pages of a listing are linked by rel="next" and together have every child once', async t => {
  const door = await openDoor(t)
  const names = [...hostile, ...Array.from({ length: 30 }, (_, n) => `p&${n}`)]
  for (const name of names) await put(door, 'c', name)
  for (const [query, expected] of [['?limit=7', names], ['?limit=4&prefix=p%26', names.filter(name => name.startsWith('p&'))], ['?limit=100000', names], [`?limit=${names.length}`, names]] as const) {
    const found: string[] = []
    let url: string | undefined = `${door.origin}/c/${query}`
    while (url !== undefined) {
      const response: Response = await fetch(url, { headers: { accept: 'application/json' } })
      const { children } = await response.json() as { children: string[] }
      found.push(...children)
      t.ok(children.length > 0, 'no page is empty')
      const next: string | undefined = /^<(.*)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1]
      url = next === undefined ? undefined : new URL(next, url).href
    }
    t.same(found, expected.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))), query)
  }
  const page = await (await fetch(`${door.origin}/c/?limit=7`)).text()
  t.equal(linksOf(page, `${door.origin}/c/?limit=7`).at(-1)?.startsWith(`${door.origin}/c/?limit=7&after=`), true)
  t.same((await (await fetch(`${door.origin}/c/?after=p%269`, { headers: { accept: 'application/json' } })).json() as { children: string[] }).children.filter(name => name.startsWith('p')), [])
  for (const query of ['limit=0', 'limit=-1', 'limit=x', 'limit=1&limit=2', 'limit=', 'after=a&after=b']) t.equal((await fetch(`${door.origin}/c/?${query}`)).status, 400, query)
})

t.test('HCO-03: a listing of a million children streams with flat memory', { timeout: 120_000 }, async t => {
  const store = openMemoryStore()
  const total = 1_000_000
  // The children are made up as they are asked for: what is measured is the door.
  store.meta.names = async (_id, { after }) => {
    const page: Array<{ name: string, type: string }> = []
    let n = after === undefined ? 0 : Number(after.slice(1)) + 1
    for (; n < total && page.length < 1000; n++) page.push({ name: `n${String(n).padStart(7, '0')}`, type: n % 10 === 0 ? 'c' : 'd' })
    return namePageOf(page, n < total)
  }
  const door = await openDoor(t, { store })
  for (const [accept, pattern] of [['application/json', '"n'], ['text/html', '<a href="n']] as const) {
    const response = await fetch(`${door.origin}/c/`, { headers: { accept } })
    let count = 0
    let before = 0
    let most = 0
    let seen = 0
    let tail = ''
    for await (const chunk of response.body ?? []) {
      const text = tail + Buffer.from(chunk).toString('latin1')
      count += text.split(pattern).length - 1
      tail = text.slice(-pattern.length + 1)
      if (++seen % 200 !== 0) continue
      const { heapUsed, external } = process.memoryUsage()
      if (before === 0) before = heapUsed + external
      most = Math.max(most, heapUsed + external - before)
    }
    t.equal(count, total, accept)
    t.ok(most < 80 * 1024 ** 2, `${accept}: ${Math.round(most / 1024 ** 2)} MiB more at most, in server and client together`)
  }
})

t.test('HCO-03: a client that goes away ends the listing', async t => {
  const store = openMemoryStore()
  let asked = 0
  store.meta.names = async (_id, { after }) => {
    asked++
    const first = after === undefined ? 0 : Number(after.slice(1)) + 1
    return namePageOf(Array.from({ length: 1000 }, (_, n) => ({ name: `n${first + n}`, type: 'd' })), true)
  }
  const door = await openDoor(t, { store })
  const abort = new AbortController()
  const response = await fetch(`${door.origin}/c/`, { signal: abort.signal })
  const reader = response.body?.getReader()
  await reader?.read()
  abort.abort()
  await t.rejects(async () => { for (;;) await reader?.read() })
  await new Promise(resolve => setTimeout(resolve, 100))
  const before = asked
  await new Promise(resolve => setTimeout(resolve, 100))
  t.equal(asked, before)
})
