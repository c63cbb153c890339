// Writes build/test-groups/: modules that load several test files each, which `npm test` runs in place of the single files. Under the test
// runner, which follows every module that is loaded, a process needs two to three seconds of the processor to start; most files need less than
// one for their tests. A single file still runs by itself: `npm test -- build/test/routes/listing.test.js`.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'

const most = 12
const directory = 'build/test-groups'
// These take long by what they do, watch over servers in other processes, or have something to prepare and to end of their own. The longest
// come first, so that none is left over when everything else is done.
const alone = [
  'server/gateway-kill', 'server/kill', 'server/gateway-outages', 'server/gateway-contention', 'bin/serve', 'bin/shared-store', 'storage/s3-faults', 'bin/workers',
  'server/gateway-visibility', 'storage/postgres-s3', 'conformance/gateways', 'routes/cdmi/memory', 'storage/embedded-faults',
  'storage/postgres', 'server/large', 'routes/cdmi/serialization/memory', 'bin/user', 'storage/embedded', 'server/users', 'routes/forms/memory',
  'clients/chromium', 'conformance/suite', 'bin/transfer', 'storage/transfer'
].map(name => `${name}.test.ts`)

// From the sources: what an earlier build left of files that are gone is not run.
const files = readdirSync('test', { recursive: true }).filter(file => file.endsWith('.test.ts')).sort()
const missing = alone.filter(file => !files.includes(file))
if (missing.length > 0) throw new Error(`scripts/group-tests.mjs names tests that do not exist: ${missing.join(', ')}.`)

const groups = alone.map(file => [file])
const others = files.filter(file => !alone.includes(file))
while (others.length > 0) groups.push(others.splice(0, most))

rmSync(directory, { recursive: true, force: true })
mkdirSync(directory, { recursive: true })
for (const [index, group] of groups.entries()) {
  const name = group[0].slice(0, -'.test.ts'.length) + (group.length > 1 ? '-and-more' : '')
  // One after the other, so that a file has what it prepares at its top to itself.
  const lines = group.map(file => `await import('../test/${file.replace(/ts$/, 'js')}')\n`)
  writeFileSync(`${directory}/${String(index).padStart(2, '0')}-${name.replaceAll('/', '-')}.js`, lines.join(''))
}
