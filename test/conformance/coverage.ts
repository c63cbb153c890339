/** Which tests name which requirement, found in the sources of the tests; and the page made of it. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { requirements } from './requirements.js'

const testName = /\.test\(\s*(['"`])((?:\\.|(?!\1).)*)\1/g
const idInName = /\b(?:GEN|HDO|HCO|KEY|CLI|DOC|AMB)-\d\d\b/g

export interface NamedTest { readonly file: string, readonly name: string }

/** Every test name of the tree, by requirement ID. `root`: the directory of the project. */
export function namedTests (root: string): Map<string, NamedTest[]> {
  const found = new Map<string, NamedTest[]>()
  const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.test.ts')).sort()
  for (const file of files) {
    for (const [, , name = ''] of readFileSync(join(root, 'test', file), 'utf8').matchAll(testName)) {
      for (const [id] of name.matchAll(idInName)) found.set(id, [...found.get(id) ?? [], { file: `test/${file}`, name }])
    }
  }
  return found
}

/** docs/conformance.md, whole. */
export function conformancePage (root: string, notes: string): string {
  const tests = namedTests(root)
  const rows = requirements.map(({ id, text, later }) => {
    const files = [...new Set((tests.get(id) ?? []).map(({ file }) => `[${file.slice('test/'.length)}](../${file})`))]
    return `| ${id} | ${text} | ${files.length > 0 ? 'tested' : `later: ${later ?? 'MISSING'}`} | ${files.join(', ')} |`
  })
  return `${notes.trim()}\n\n## Requirements\n\n| ID | requirement, in short | status | tests |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`
}
