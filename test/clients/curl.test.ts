import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import fastify from 'fastify'
import t from 'tap'
import { FormData, request } from 'undici'
import cdmi, { openMemoryStore } from '../../index.js'
import { childrenOf, openDoor } from '../helpers/forms.js'
import { missingCommand } from '../helpers/missing-command.js'

const run = promisify(execFile)

t.test('HCO-14, CLI-30, CLI-32: curl -F uploads files of any name', { skip: missingCommand('curl') }, async t => {
  const directory = t.testdir()
  const names = ['plain.txt', 'grüße 你好.txt', 'quote".txt', 'semi;colon, comma.bin', "it's 100%.txt"]
  for (const name of names) await writeFile(join(directory, name), `content of ${name}`)
  const { model, origin } = await openDoor(t)
  const files = names.flatMap(name => ['-F', `file=@"${join(directory, name).replace(/["\\]/g, '\\$&')}"`])
  const { stdout } = await run('curl', ['-sS', '-i', ...files, '-F', 'note=text', `${origin}/c/`])
  t.match(stdout, /^HTTP\/1.1 201 /)
  const { objects } = JSON.parse(stdout.slice(stdout.indexOf('\r\n\r\n'))) as { objects: { objectName: string, location: string }[] }
  t.same(objects.map(object => object.objectName), names)
  t.same(new Set(await childrenOf(model, '/c/')), new Set(names))
  for (const [index, { location }] of objects.entries()) t.equal((await run('curl', ['-sS', location])).stdout, `content of ${names[index]}`)
  t.match(stdout, new RegExp(`\r\nlocation: ${origin}/c/plain\\.txt\r\n`, 'i'))
})

t.test('HCO-14: curl gives a file a name, a type, a charset; and streams a form of unknown length', { skip: missingCommand('curl') }, async t => {
  const directory = t.testdir({ 'a.bin': 'ü' })
  const { origin } = await openDoor(t)
  const { stdout } = await run('curl', ['-sS', '-H', 'Transfer-Encoding: chunked', '-F', `f=@${directory}/a.bin;filename=../up/b.txt;type=text/plain; charset=utf-8`, `${origin}/c/`])
  t.match(JSON.parse(stdout), { objects: [{ objectName: 'b.txt', mimetype: 'text/plain', valuetransferencoding: 'utf-8', size: 2 }] })
})

t.test('CLI-32: curl reads the refusal of a form that is too large, with and without Expect', { skip: missingCommand('curl') }, async t => {
  const directory = t.testdir({ big: 'x'.repeat(3_000_000) })
  const { model, origin } = await openDoor(t, { limits: { value: 1_000_000 } })
  for (const expect of ['Expect: 100-continue', 'Expect:']) {
    const { stdout } = await run('curl', ['-sS', '-i', '-H', expect, '-F', `f=@${directory}/big`, `${origin}/c/`])
    t.match(stdout, /HTTP\/1.1 413 /)
  }
  t.same(await childrenOf(model, '/c/'), [])
})

t.test('HCO-14: curl waits to be asked for the form, and is', { skip: missingCommand('curl') }, async t => {
  const directory = t.testdir({ a: 'x'.repeat(100_000) })
  const app = fastify()
  t.teardown(async () => { await app.close() })
  await app.register(cdmi, { store: openMemoryStore(), anonymous: 'write' })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const upload = ['-sS', '-i', '--expect100-timeout', '60', '-H', 'Expect: 100-continue', '-F', `f=@${directory}/a`]
  t.match((await run('curl', [...upload, `${origin}/`])).stdout, /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 201 /)
  t.match((await run('curl', [...upload, `${origin}/missing/`])).stdout, /^HTTP\/1.1 404 /)
})

t.test('HCO-14: undici FormData: blobs, files, fields', async t => {
  const { model, origin } = await openDoor(t)
  const form = new FormData()
  form.append('note', 'text')
  form.append('file', new Blob(['one'], { type: 'text/plain;charset=utf-8' }), 'ünï "q".txt')
  form.append('file', new Blob([new Uint8Array(200_000)]))
  const answer = await request(`${origin}/c/`, { method: 'POST', body: form })
  t.equal(answer.statusCode, 201)
  t.match(await answer.body.json(), { objects: [{ objectName: 'ünï "q".txt', valuetransferencoding: 'utf-8', size: 3 }, { objectName: 'blob', size: 200_000, mimetype: 'application/octet-stream' }] })
  t.equal((await childrenOf(model, '/c/')).length, 2)
})
