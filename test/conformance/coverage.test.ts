import t from 'tap'
import { readFileSync } from 'node:fs'
import { applies, casesByID, conformancePage, namedTests } from './coverage.js'
import { requirements } from './requirements.js'

const root = process.cwd()

t.test('every requirement has a test that names it, or a case that says something of this server', async t => {
  const [tests, cases] = [namedTests(root), casesByID()]
  for (const { id } of requirements) t.ok(tests.has(id) || cases.get(id)?.some(applies) === true, id)
})

t.test('a requirement of what is not offered has a case that asks a server without it', async t => {
  const cases = casesByID()
  for (const { id, unoffered } of requirements) if (unoffered !== undefined) t.ok(cases.get(id)?.some(applies), `${id} (${unoffered})`)
})

t.test('every case names requirements that exist, and none is listed twice', async t => {
  const ids = requirements.map(({ id }) => id)
  t.equal(new Set(ids).size, ids.length)
  for (const id of casesByID().keys()) t.ok(ids.includes(id) || id.startsWith('AMB-'), id)
})

t.test('docs/conformance.md is what `npm run conformance:page` would write', async t => {
  t.equal(readFileSync('docs/conformance.md', 'utf8'), conformancePage(root, readFileSync('docs/conformance-notes.md', 'utf8')))
})
