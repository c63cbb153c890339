import t from 'tap'
import Fastify from 'fastify'
import { dependents } from '../../../cdmi/capability-catalogue.js'
import { cdmi, openMemoryStore } from '../../../index.js'
import { notOffered } from '../../conformance/not-yet.js'
import { startLocalServer } from '../../conformance/local-server.js'
import { refusals } from '../../conformance/suite/operations.js'
import { Server } from '../../conformance/suite/server.js'
import { Target } from '../../conformance/suite/target.js'
import { build } from '../plain/build.js'
import { client } from './client.js'

t.test('CAP-10, GEN-01: what is not offered is refused with the name of a capability that is missing', async t => {
  const local = await startLocalServer()
  const server = new Server(local)
  t.after(async () => {
    await server.close()
    await local.close()
  })
  for (const { name, operate } of refusals().filter(({ name }) => notOffered.has(name))) {
    const target = new Target(server)
    await target.open()
    const { status, text } = await operate(target)
    await target.close()
    const missing = [...text.matchAll(/cdmi_\w+/g)].map(([named]) => named)
    // What could not be made is no source for anything else.
    t.ok(text.includes('/q does not exist') || missing.some(named => [...notOffered].some(each => each.endsWith(` ${named}`))), `${name}: ${status} ${text}`)
  }
})

t.test('COC-25, COC-68: an export is refused with the capability of its protocol, by whatever name it goes', async t => {
  const { put, patch } = client(await build(t))
  await put('/c/')
  for (const [exports, capability] of [
    [{ any: { type: 'NFS', protocol: 'NFSv4' } }, 'nfs'], [{ any: { type: 'nfs' } }, 'nfs'], [{ 'Network/NFSv4': {} }, 'nfs'], [{ any: { type: 'SMB' } }, 'smb'], [{ 'Network/CIFS': {} }, 'smb'],
    [{ any: { type: 'iSCSI' } }, 'iscsi'], [{ 'OCCI/iSCSI': {} }, 'occi'], [{ any: { type: 'WebDAV' } }, 'webdav'], [{ any: { type: 's3' } }, 's3']
  ] as const) {
    for (const answer of [await put('/d/', { exports }), await patch('/c/', { exports })]) t.match([answer.statusCode, answer.json().detail], [400, new RegExp(` cdmi_export_container_${capability} `)], capability)
  }
  for (const exports of [{ any: { type: 'FTP' } }, { any: { type: 7 } }, { any: 'NFS' }, { any: null }]) {
    const answer = await put('/d/', { exports })
    t.match([answer.statusCode, answer.json().detail], [400, /"any"/], JSON.stringify(exports))
  }
})

t.test('DOC-71: a new type alone is refused where it asks for encryption in place, and nowhere else', async t => {
  const { put, patch, fields } = client(await build(t))
  await put('/o', { value: 'x' })
  await put('/p', { value: '{}', mimetype: 'application/jose+json' })
  for (const [name, mimetype] of [['/o', 'application/cms'], ['/o', 'Application/JOSE+JSON'], ['/p', 'application/cms'], ['/p', 'text/plain']] as const) {
    for (const send of [put, patch]) {
      const answer = await send(name, { mimetype })
      t.match([answer.statusCode, answer.json().detail], [400, /cdmi_enc_inplace/], `${name} ${mimetype}`)
    }
  }
  for (const [name, body] of [['/p', { mimetype: 'application/jose+json' }], ['/o', { mimetype: 'text/x' }], ['/o', { mimetype: 'application/cms', value: 'y' }]] as const) t.equal((await patch(name, body)).statusCode, 204, JSON.stringify(body))
  t.match(await fields('/o'), { mimetype: 'application/cms', value: 'y' })
  t.match(await fields('/p'), { mimetype: 'application/jose+json', value: '{}' })
})

t.test('a DELETE that means values of a queue deletes no object', async t => {
  const { plain, put, fields } = client(await build(t))
  await put('/o', { value: 'x' })
  for (const query of ['value', 'values=2', 'x&value=0-1', 'values:2']) {
    const answer = await plain('DELETE', `/o?${query}`)
    t.match([answer.statusCode, answer.json().detail], [400, /cdmi_queues/], query)
  }
  t.equal((await fields('/o'))['value'], 'x')
  t.equal((await plain('DELETE', '/o?valued')).statusCode, 204)
})

t.test('COC-08: the names of the standard are neither made nor deleted, whether they are there or not', async t => {
  const { plain } = client(await build(t))
  for (const name of ['cdmi_objectid', 'cdmi_domains', 'cdmi_capabilities', 'cdmi_snapshots', 'cdmi_versions']) {
    for (const method of ['PUT', 'DELETE'] as const) t.equal((await plain(method, `/${name}/`)).statusCode, 400, `${method} ${name}`)
  }
  t.equal((await plain('DELETE', '/cdmi_objectid')).statusCode, 400)
})

t.test('COC-39, CAP-09: who may only read makes and deletes no container (403), and reads all capability objects', async t => {
  const app = Fastify()
  await app.register(cdmi, { store: openMemoryStore(), users: [{ name: 'reader', password: 'p', access: 'read' }] })
  t.after(async () => { await app.close() })
  const authorization = `Basic ${Buffer.from('reader:p').toString('base64')}`
  for (const method of ['PUT', 'DELETE'] as const) t.equal((await app.inject({ method, url: '/c/', headers: { authorization } })).statusCode, 403, method)
  t.equal((await app.inject({ method: 'PUT', url: '/c/', headers: { authorization, 'content-type': 'application/cdmi-container' }, payload: '{}' })).statusCode, 403)
  for (const name of ['', 'container/', 'dataobject/', 'domain/', 'queue/']) t.equal((await app.inject({ url: `/cdmi_capabilities/${name}`, headers: { authorization } })).statusCode, 200, name)
})

t.test('CAP-10, CAP-16: what is switched off is refused in reads, too, and what depends on it is not offered', async t => {
  const store = (await build(t)).cdmi.store
  await client(await build(t, { store })).put('/c/')
  await client(await build(t, { store })).put('/c/o', { value: '0123456789', metadata: { a: '1' } })
  const without = async (name: string): Promise<ReturnType<typeof client>> => client(await build(t, { store, options: { withoutCapabilities: [name] } }))
  for (const [name, refused, done] of [
    ['cdmi_read_value', ['/c/o', '/c/o?value', '/c/o?value=0-1', '/c/?children=[value]'], ['/c/o?metadata', '/c/']],
    ['cdmi_read_value_range', ['/c/o?value=0-1'], ['/c/o', '/c/o?value']],
    ['cdmi_read_metadata', ['/c/o', '/c/o?metadata', '/c/?metadata=a', '/c/?children=[metadata/a]'], ['/c/o?value', '/c/?children', '/c/?children=[objectName]']]
  ] as const) {
    const { get } = await without(name)
    for (const url of refused) {
      const answer = await get(url)
      t.match([answer.statusCode, answer.json().detail], [400, new RegExp(`${name} `)], `${name}: ${url}`)
    }
    for (const url of done) t.equal((await get(url)).statusCode, 200, `${name}: ${url}`)
  }
  t.equal((await (await without('cdmi_read_value')).plain('GET', '/c/o')).statusCode, 400)
  const whole = await (await without('cdmi_read_value_range')).plain('GET', '/c/o', undefined, { range: 'bytes=0-1' })
  t.match([whole.statusCode, whole.body, whole.headers['accept-ranges']], [200, '0123456789', 'none'])
  for (const [name, others] of Object.entries(dependents)) {
    const { fields } = await without(name)
    const offered = await Promise.all(['', 'container/', 'dataobject/'].map(async kind => Object.keys((await fields(`/cdmi_capabilities/${kind}`))['capabilities'] as object)))
    t.same(offered.flat().filter(each => each === name || others.some(other => other === each)), [], name)
  }
})
