// Writes build/test-groups/: modules that load several test files each, which `npm test` runs in place of the single files. Under the test
// runner, which follows every module that is loaded, a process needs two to three seconds of the processor to start; most files need less than
// one for their tests. A single file still runs by itself: `npm test -- build/test/routes/listing.test.js`.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'

const most = 12
const directory = 'build/test-groups'
const named = (...names) => names.map(name => `${name}.test.ts`)
// These have a process to themselves, for they take long by what they do, watch over other processes, or end something after all of their tests: at the
// top of a file that ends the whole process. The longest come first and the shortest last, so that nothing long is left over when all else is done.
const long = named(
  'server/kill', 'faults/disk', 'bin/backup', 'bin/shared-store', 'bin/verify', 'server/gateway-kill', 'bin/transfer', 'bin/serve', 'conformance/gateways', 'storage/s3-faults', 'storage/transfer',
  'server/gateway-contention', 'server/gateway-outages', 'bin/workers', 'docs/drills', 'storage/postgres-s3', 'routes/cdmi/memory', 'storage/postgres-kill',
  'storage/postgres-faults', 'server/gateway-failover', 'storage/postgres-failover', 'storage/postgres-outage', 'storage/postgres-writers', 'faults/flushes'
)
const short = named(
  'storage/embedded', 'storage/embedded-faults', 'storage/postgres', 'bin/user', 'routes/forms/memory', 'routes/cdmi/serialization/memory', 'server/large',
  'server/users', 'server/gateway-visibility', 'storage/postgres-open', 'storage/postgres-observed', 'storage/postgres-round-trips', 'conformance/suite', 'clients/chromium'
)
const alone = [...long, ...short]

// From the sources: what an earlier build left of files that are gone is not run.
const files = readdirSync('test', { recursive: true }).filter(file => file.endsWith('.test.ts')).sort()
const missing = alone.filter(file => !files.includes(file))
if (missing.length > 0) throw new Error(`scripts/group-tests.mjs names tests that do not exist: ${missing.join(', ')}.`)

const shared = []
const others = files.filter(file => !alone.includes(file))
while (others.length > 0) shared.push(others.splice(-most))
const groups = [...long.map(file => [file]), ...shared, ...short.map(file => [file])]

rmSync(directory, { recursive: true, force: true })
mkdirSync(directory, { recursive: true })
for (const [index, group] of groups.entries()) {
  const name = group[0].slice(0, -'.test.ts'.length) + (group.length > 1 ? '-and-more' : '')
  // One after the other, so that a file has what it prepares at its top to itself.
  const load = group.map(file => `await import('../test/${file.replace(/ts$/, 'js')}')\n`)
  writeFileSync(`${directory}/${String(index).padStart(2, '0')}-${name.replaceAll('/', '-')}.js`, load.join(''))
}
