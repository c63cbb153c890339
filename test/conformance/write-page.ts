/** `npm run conformance:page`: writes docs/conformance.md anew. */
import { readFileSync, writeFileSync } from 'node:fs'
import { conformancePage } from './coverage.js'

const root = process.cwd()
writeFileSync('docs/conformance.md', conformancePage(root, readFileSync('docs/conformance-notes.md', 'utf8')))
