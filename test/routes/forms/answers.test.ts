import fastify from 'fastify'
import multipart from '@fastify/multipart'
import t from 'tap'
import cdmi from '../../../index.js'
import { openMemoryStore } from '../../../storage/memory/memory-store.js'
import { filePart, formBody, openDoor, postForm } from '../../helpers/forms.js'

const browser = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8' }
const form = formBody([filePart('%22><img src=x onerror=alert(1)>.txt', '1'), filePart('b.txt', '2', 'text/<b>')])

t.test('CLI-31: a browser gets a page that lists the objects with links', async t => {
  const { origin } = await openDoor(t, { prefix: '/x' })
  const { status, headers, text } = await postForm(`${origin}/x/c/`, form, { headers: browser })
  t.equal(status, 201)
  t.equal(headers.get('content-type'), 'text/html; charset=utf-8')
  t.match(headers.get('content-security-policy'), /default-src 'none'/)
  t.match(headers.get('vary'), /accept/i)
  t.notMatch(text, /<img/)
  const links = Array.from(text.matchAll(/href="([^"]*)"/g), match => new URL(match[1] ?? '', `${origin}/x/c/`).href)
  t.equal(links.length, 3)
  t.equal(links[0], headers.get('location'))
  t.equal(links[2], `${origin}/x/c/`)
  t.equal(await (await fetch(links[0] ?? '')).text(), '1')
  t.equal(await (await fetch(links[1] ?? '')).text(), '2')
})

t.test('CLI-31: formAnswer "redirect" sends a browser to the container, and a program its JSON', async t => {
  const { origin } = await openDoor(t, { formAnswer: 'redirect', prefix: '/x' })
  const { status, headers } = await postForm(`${origin}/x/c/`, form, { headers: browser })
  t.equal(status, 303)
  t.equal(headers.get('location'), `${origin}/x/c/`)
  t.equal((await postForm(`${origin}/x/c/`, form)).json.objects.length, 2)
  const flat = await postForm(`${origin}/x/cdmi_objectid/`, form, { headers: browser })
  t.equal(flat.status, 201, 'where there is no container there is nothing to go to')
  const link = /href="([^"]*)"/.exec(flat.text)?.[1] ?? ''
  t.equal(await (await fetch(new URL(link, `${origin}/x/cdmi_objectid/`))).text(), '1')
})

t.test('CLI-31: programs get JSON', async t => {
  const { origin } = await openDoor(t)
  for (const accept of ['*/*', 'application/json', 'application/json, text/html', 'image/png', 'text/html;q=0.5, application/json']) {
    const { status, headers, json } = await postForm(`${origin}/c/`, form, { headers: { accept } })
    t.equal(status, 201)
    t.match(headers.get('content-type'), /^application\/json/)
    t.equal(json.objects.length, 2)
  }
})

t.test('HCO-14: an application with a multipart parser of its own keeps it, and the store has its forms', async t => {
  const app = fastify()
  t.teardown(async () => { await app.close() })
  await app.register(multipart, { attachFieldsToBody: 'keyValues' })
  app.post('/own', async request => Object.keys(request.body as object))
  await app.register(cdmi, { store: openMemoryStore(), anonymous: 'write', prefix: '/store' })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  t.equal((await postForm(`${origin}/store/`, form)).json.objects.length, 2)
  t.same(await (await fetch(`${origin}/own`, { method: 'POST', headers: { 'content-type': 'multipart/form-data; boundary=xyz' }, body: formBody([filePart('a', 'b')]) })).json(), ['file'])
})
