import t from 'tap'
import { readFileSync } from 'node:fs'
import { configOptions } from '../../server/config-sources.js'

interface Package { readonly dependencies: Readonly<Record<string, string>>, readonly files: readonly string[], readonly engines: { readonly node: string } }

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Package

t.test('each dependency has its reason in the manual, and its version is exact', async t => {
  const listed = [...readFileSync('docs/dependencies.md', 'utf8').matchAll(/^\| `([^`]+)` \| [^|]+ \| [^|]+ \|$/gm)].map(([, name]) => name)
  t.same(listed.sort(), Object.keys(manifest.dependencies).sort())
  for (const [name, version] of Object.entries(manifest.dependencies)) t.match(version, /^\d+\.\d+\.\d+$/, name)
})

t.test('all that is installed says that it runs on the oldest Node that is promised, so that npm does not warn', async t => {
  const [, major = '', minor = ''] = /^>=(\d+)\.(\d+)$/.exec(manifest.engines.node) ?? []
  const oldest = [Number(major), Number(minor), 0]
  const takes = (one: string): boolean => {
    const [, sign = '', ...parts] = /^(\^|~|>=|>|)v?(\d+)(?:\.(\d+|x))?(?:\.(\d+|x))?/.exec(one.trim().replace(/^(\S*?)\s+/, '$1')) ?? []
    const least = parts.map(part => Number.parseInt(part ?? '0', 10) || 0)
    const at = oldest.findIndex((number, n) => number !== least[n])
    const isMore = at === -1 || (oldest[at] ?? 0) > (least[at] ?? 0)
    return one.trim() === '*' || (isMore && (sign.startsWith('>') || oldest[0] === least[0]))
  }
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, { version: string, engines?: { node?: string } }> }
  const others = Object.entries(lock.packages).filter(([, { engines }]) => engines?.node !== undefined && !engines.node.split('||').some(takes))
  t.same(others.map(([path, { version, engines }]) => `${path} ${version}: ${engines?.node ?? ''}`), [])
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
