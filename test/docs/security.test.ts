import t from 'tap'
import { readFileSync } from 'node:fs'
import { configOptions } from '../../server/config-sources.js'

interface Package { readonly dependencies: Readonly<Record<string, string>>, readonly files: readonly string[] }

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Package

t.test('each dependency has its reason in the manual, and its version is exact', async t => {
  const listed = [...readFileSync('docs/dependencies.md', 'utf8').matchAll(/^\| `([^`]+)` \| [^|]+ \| [^|]+ \|$/gm)].map(([, name]) => name)
  t.same(listed.sort(), Object.keys(manifest.dependencies).sort())
  for (const [name, version] of Object.entries(manifest.dependencies)) t.match(version, /^\d+\.\d+\.\d+$/, name)
})

t.test('native code is where the manual says, and nowhere else', async t => {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, { dev?: boolean, hasInstallScript?: boolean }> }
  const scripts = Object.entries(lock.packages).filter(([path, { dev, hasInstallScript }]) => path !== '' && dev !== true && hasInstallScript === true).map(([path]) => path.replace(/^.*node_modules\//, ''))
  t.same(scripts.sort(), ['lmdb', 'msgpackr-extract'])
})

t.test('SECURITY.md is handed out, and the options in it exist', async t => {
  t.ok(manifest.files.includes('SECURITY.md'))
  const text = readFileSync('SECURITY.md', 'utf8')
  const names = new Set(configOptions.map(({ name }) => name))
  for (const name of ['anonymous', 'activeContent', 'hsts', 'redirectPort', 'trustProxy', 'load.connections', 'cors']) {
    t.ok(text.includes(`\`${name}`), name)
    t.ok(names.has(name), name)
  }
})
