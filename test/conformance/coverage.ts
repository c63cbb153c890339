/** Which tests and which cases of the suite hold which requirement; and the page made of it. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { notYet, notYetOffered } from './not-yet.js'
import { requirements, type Requirement } from './requirements.js'
import { idsOf, titleOf, type Case } from './suite/case.js'
import { suite } from './suite/index.js'
import { namesOf } from './suite/offers.js'

const testName = /\.test\(\s*(['"`])((?:\\.|(?!\1).)*)\1/g
const idInName = /\b(?:GEN|HDO|HCO|KEY|CLI|DOC|V1|COC|CAP|ECL|CSE|PUP|AFF|COR|CMV|SER|AMB)-\d\d\b/g

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

/** The cases of the suite, by requirement ID. */
export function casesByID (): Map<string, Case[]> {
  const found = new Map<string, Case[]>()
  for (const each of suite) for (const id of idsOf(each)) found.set(id, [...found.get(id) ?? [], each])
  return found
}

/** Whether this project's own server does not offer what the case is about. */
function needsUnoffered (each: Case): boolean {
  return namesOf(each.needs ?? {}).some(name => notYetOffered.has(name))
}

function status ({ later, ofOffered }: Requirement, tests: readonly NamedTest[], cases: readonly Case[]): string {
  const waiting = cases.filter(each => notYet.has(titleOf(each)) || (ofOffered !== true && needsUnoffered(each))).length
  if (tests.length + cases.length === 0) return `later: ${later ?? 'MISSING'}`
  if (waiting === 0) return 'tested'
  return tests.length + cases.length === waiting ? 'not yet' : 'in part'
}

/** docs/conformance.md, whole. */
export function conformancePage (root: string, notes: string): string {
  const [tests, cases] = [namedTests(root), casesByID()]
  const rows = requirements.map(requirement => {
    const { id, text } = requirement
    const [named, black] = [tests.get(id) ?? [], cases.get(id) ?? []]
    const files = [...new Set(named.map(({ file }) => `[${file.slice('test/'.length)}](../${file})`))]
    const count = black.length === 0 ? [] : [`suite: ${black.length}`]
    return `| ${id} | ${text} | ${status(requirement, named, black)} | ${[...count, ...files].join(', ')} |`
  })
  return `${notes.trim()}\n\n## Requirements\n\n| ID | requirement, in short | status | cases of the suite, tests |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`
}
