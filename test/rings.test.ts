import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'

const directories = ['bin', 'server', 'plugins', 'routes', 'cdmi', 'metrics', 'schemas', 'storage']
const statement = /(?:^|\n)(?:import|export)\b[^'"]*?from '(\.[^']+)'|import\('(\.[^']+)'\)/g

/** What each module names of others, types too. */
function imports (): Map<string, string[]> {
  const inside = directories.flatMap(directory => readdirSync(directory, { recursive: true, encoding: 'utf8' }).map(file => join(directory, file)))
  const files = new Set(['index.ts', 'server.ts', ...inside.filter(file => file.endsWith('.ts'))])
  return new Map([...files].map(file => {
    const named = [...readFileSync(file, 'utf8').matchAll(statement)].map(([, from, at]) => normalize(join(dirname(file), from ?? at ?? '')).replace(/\.js$/, '.ts'))
    return [file, named.filter(other => files.has(other))]
  }))
}

t.test('no module needs itself by way of others, not even for a type: each can be understood after those that it names', async t => {
  const all = imports()
  t.ok(all.size > 300 && [...all.values()].flat().length > 1000, 'they have been found')
  const done = new Set<string>()
  const rings: string[] = []
  const visit = (file: string, way: readonly string[]): void => {
    const at = way.indexOf(file)
    if (at !== -1) rings.push([...way.slice(at), file].join(' → '))
    if (at !== -1 || done.has(file)) return
    for (const other of all.get(file) ?? []) visit(other, [...way, file])
    done.add(file)
  }
  for (const file of all.keys()) visit(file, [])
  t.same(rings, [])
})
