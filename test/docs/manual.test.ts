import t from 'tap'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as errors from '../../cdmi/errors.js'
import { CdmiOptions, LimitOptions } from '../../schemas/options.js'
import { DistributedStoreOptions, StoreOptions } from '../../schemas/store-options.js'
import { checkOptions } from '../../schemas/check-options.js'
import { ServerConfig } from '../../schemas/config.js'
import { configOptions, loadConfig } from '../../server/config-sources.js'
import { ask, basic } from '../helpers/built-server.js'
import { runExample } from '../helpers/run-example.js'

const pages = ['README.md', 'SECURITY.md', ...readdirSync('docs').filter(name => name.endsWith('.md')).map(name => `docs/${name}`)]
const textOf = (page: string): string => readFileSync(page, 'utf8')
const codeOf = (page: string, language: string): string[] => [...textOf(page).matchAll(new RegExp('```' + language + '\\n([^]*?)```', 'g'))].map(([, code = '']) => code)

t.test('the manual lists every option of the plugin, and none that does not exist', async t => {
  const listed = [...textOf('docs/plugin.md').matchAll(/^\| `([\w.]+)` \|/gm)].map(([, name]) => name).sort()
  const limits = Object.keys(LimitOptions.properties).map(name => `limits.${name}`)
  const options = Object.keys(CdmiOptions.properties).filter(name => name !== 'limits')
  t.same(listed, [...options, ...limits, 'store', 'users', 'authenticator'].sort())
})

t.test('the manual lists every error with its status, and none that does not exist', async t => {
  const listed = [...textOf('docs/errors.md').matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(([, code, status]) => `${code} ${status}`).sort()
  const thrown = Object.values(errors).flatMap(Type => {
    if (Type === errors.MissingSlash) return ['CDMI_MISSING_SLASH 301']
    if (Type === errors.IsReference) return ['CDMI_IS_REFERENCE 302']
    const error = new (Type as new (...args: string[]) => Error & { code: string, statusCode: number })('x', 'y')
    return [`${error.code} ${error.statusCode}`]
  }).sort()
  t.same(listed, thrown)
})

t.test('the manual lists every option of the server with its flag, its variable and its default, and none that does not exist', async t => {
  const listed = [...textOf('docs/server.md').matchAll(/^\| `([\w.]+)` \| (–|`--[\w-]+`) \| (–|`\w+`) \| ([^|]+) \|/gm)]
  const inTable = (text: string | undefined): string => text === undefined ? '–' : `\`${text}\``
  t.same(listed.map(([, name, flag, variable]) => [name, flag, variable]), configOptions.map(({ name, flag, variable }) => [name, inTable(flag), inTable(variable)]))
  const plain = (text: string): string => text.replaceAll('`', '').trim()
  for (const [, name = '', , , given = ''] of listed) {
    const { description = '' } = configOptions.find(option => option.name === name) ?? {}
    const [, fallback] = /Default: (.*?)(?:, made at the first start)?\.$/.exec(description) ?? []
    if (fallback !== undefined) t.equal(plain(given), plain(fallback).replace('in the directory of the store', 'in data'), name)
  }
  const flags = new Set(configOptions.map(({ flag }) => flag))
  const others = new Set(['--config', '--read-only', '--generate', '--cacert', '--dry-run', '--to', '--from', '--container'])
  for (const page of ['docs/server.md', 'docs/authentication.md', 'docs/storage.md']) {
    // Not those of other programs.
    for (const [flag] of textOf(page).replace(/^(?:npm|tar) .*$/gm, '').matchAll(/(?<![\w-])--[a-z][\w-]*/g)) t.ok(flags.has(flag) || others.has(flag), `${flag} in ${page}`)
  }
})

t.test('the manual lists every option of openStore, and none that does not exist', async t => {
  const [, table = ''] = textOf('docs/storage.md').split('## Options of `openStore`')
  const listed = [...(table.split('\n## ', 1)[0] ?? '').matchAll(/^\| `([\w.]+)` \|/gm)].map(([, name]) => name)
  t.same(listed, Object.keys(StoreOptions.properties))
})

t.test('the manual lists every option of a store of many servers with its description, and none that does not exist', async t => {
  const [, table = ''] = textOf('docs/scale-out.md').split('## Options of `openStore`')
  const listed = [...(table.split('\n## ', 1)[0] ?? '').matchAll(/^\| `([\w.]+)` \| (.*) \|$/gm)].map(([, name, description]) => [name, description])
  t.same(listed, Object.entries(DistributedStoreOptions.properties).map(([name, schema]) => [name, Reflect.get(schema, 'description')]))
})

t.test('every relative link of the manual leads to a file that is there', async t => {
  t.ok(pages.length > 8)
  for (const page of pages) {
    for (const [, target = ''] of textOf(page).replace(/```[^]*?```/g, '').matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      const [file = '', fragment] = target.split('#')
      const path = file === '' ? page : join(dirname(page), file)
      t.ok(existsSync(path), `${target} in ${page}`)
      if (fragment !== undefined && path.endsWith('.md')) t.ok(anchorsOf(textOf(path)).includes(fragment), `${target} in ${page}`)
    }
  }
})

/** Anchors of headings, as they are made where the pages are shown. */
function anchorsOf (text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'))
}

t.test('the config file of the manual is one that the server takes', async t => {
  const [example = ''] = codeOf('docs/server.md', 'toml')
  const directory = t.testdir({ 'config.toml': example })
  const config = loadConfig({ file: join(directory, 'config.toml') })
  t.same(config.limits, { value: 10_737_418_240, json: 262_144 })
  t.same(config.templates, { dataobject: { gold: { cdmi_latency: '10', cdmi_geographic_placement: ['DE', 'FR'] } } })
  t.equal(config.tlsCert, join(directory, 'cert.pem'))
  t.same(checkOptions(ServerConfig, config, 'The server'), config)
})

t.test('the example of users runs as it stands', async t => {
  const [example = ''] = codeOf('docs/authentication.md', 'js')
  const child = runExample(t, example, '\nconsole.log(app.listeningOrigin)\n')
  const [line] = await once(child.stdout ?? child, 'data') as [Buffer]
  const url = line.toString().trim() + '/'
  const right = basic('reporting', 'a long random token')
  t.equal((await ask(url, { headers: { authorization: right } })).status, 200)
  t.equal((await ask(url + 'x', { method: 'PUT', headers: { authorization: right }, body: 'x' })).status, 403)
  for (const wrong of [basic('reporting', 'another'), basic('nobody', 'a long random token')]) t.equal((await ask(url, { headers: { authorization: wrong } })).status, 401)
})

t.test('the example of a store runs as it stands', async t => {
  const [example = ''] = codeOf('docs/storage.md', 'js')
  const child = runExample(t, example)
  let printed = ''
  child.stdout?.on('data', (chunk: Buffer) => { printed += chunk.toString() })
  t.same(await once(child, 'close'), [0, null])
  t.match(printed, /leases: \d+, blobs: 0, records: 0, events: 0/)
})
