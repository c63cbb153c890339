import t from 'tap'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Fastify from 'fastify'
import cdmi, { type CdmiPluginOptions, openMemoryStore } from '../../index.js'
import { loadConfig } from '../../server/config-sources.js'

const page = readFileSync('docs/quotas.md', 'utf8')
const codeOf = (language: string): string[] => [...page.matchAll(new RegExp('```' + language + '\\n([^]*?)```', 'g'))].map(([, code = '']) => code)

t.test('the example of quotas does what the page says', async t => {
  const [, code = ''] = /register\(cdmi, (\{[^]*?\n\})\)/.exec(page) ?? []
  // eslint-disable-next-line no-new-func
  const options = new Function('openMemoryStore', `return ${code}`)(openMemoryStore) as CdmiPluginOptions
  const app = Fastify()
  await app.register(cdmi, options)
  t.teardown(async () => { await app.close() })
  const put = async (url: string, size: number, user = 'alice:a') => await app.inject({ method: 'PUT', url, headers: { authorization: `Basic ${Buffer.from(user).toString('base64')}` }, payload: Buffer.alloc(size) })
  t.equal((await put('/notes.txt', 600)).statusCode, 201)
  const [shown = '', ofContainer = ''] = codeOf('json')
  t.same((await put('/report.pdf', 401)).json(), JSON.parse(shown))
  const { store } = options
  const [, usage = ''] = /usage\('owner:alice'\) \/\/ (.*)/.exec(page) ?? []
  // eslint-disable-next-line no-new-func
  t.same(await store.meta.usage('owner:alice'), new Function(`return (${usage})`)())
  for (const url of ['/projects/', '/projects/a/']) t.equal((await put(url, 0, 'bob:b')).statusCode, 201)
  t.same((await put('/projects/a/film.mp4', 5001, 'bob:b')).json(), JSON.parse(ofContainer))
  const objectID = (await store.meta.resolve(store.rootID, ['projects', 'a']))[2]?.id ?? ''
  const [, tree = ''] = /usage\(`tree:\$\{objectID\}`\) \/\/ (.*)/.exec(page) ?? []
  // eslint-disable-next-line no-new-func
  t.same(await store.meta.usage(`tree:${objectID}`), new Function(`return (${tree})`)())
})

t.test('the server takes the quotas of the page', async t => {
  const [example = ''] = codeOf('toml')
  const { quotas, containerQuotas, limits } = loadConfig({ file: join(t.testdir({ 'config.toml': example }), 'config.toml') })
  t.same(quotas, { alice: { bytes: 10_000_000_000, objects: 100_000 }, '*': { bytes: 1_000_000_000 } })
  t.same(containerQuotas, { '/projects/a/': { bytes: 50_000_000_000, objects: 1_000_000 } })
  t.same(limits, { children: 100_000 })
})
