// Writes build/test-groups/: modules that load several test files each, which `npm test` runs in place of the single files. A process needs most of a
// second of the processor to start; most files need less than that for their tests. A single file still runs by itself: `npm test -- build/test/routes/listing.test.js`.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'

const most = 16
const directory = 'build/test-groups'
const named = (...names) => names.map(name => `${name}.test.ts`)
// Those of one process have the servers together that it starts. What takes long comes first and what is short last, so that nothing long is left over when
// all else is done.
const first = [
  // An S3 server takes seconds to start.
  named('storage/s3-faults', 'storage/transfer', 'storage/postgres-s3', 'bin/shared-store', 'conformance/gateways', 'server/gateway-outages', 'server/gateway-failover'),
  named('server/kill'),
  named('faults/disk'),
  named('bin/backup', 'bin/verify', 'bin/transfer'),
  named('server/gateway-kill'),
  named('storage/postgres-faults', 'storage/postgres-kill', 'storage/postgres-writers', 'server/gateway-contention', 'storage/postgres', 'storage/postgres-files', 'storage/postgres-integrity', 'storage/backup'),
  named('bin/serve', 'bin/workers'),
  named('package'),
  named('storage/postgres-failover', 'storage/postgres-outage', 'server/gateway-visibility', 'storage/postgres-open', 'storage/postgres-observed', 'storage/postgres-round-trips'),
  // It ends something after all of its tests, at its top: that may end the whole process.
  named('docs/drills'),
  named('faults/flushes')
]
const last = [
  // The one at the end takes the rights of the whole process away for a moment: nobody may prepare anything at its top then.
  named('storage/embedded', 'storage/embedded-faults', 'storage/embedded-refusals'),
  // Takes a descriptor away and gives it another file: nobody else may open one in between.
  named('storage/embedded-reopening'),
  named('routes/cdmi/memory', 'routes/forms/memory', 'routes/cdmi/serialization/memory', 'server/large'),
  named('bin/user', 'server/users'),
  // As above.
  named('conformance/suite'),
  named('clients/chromium')
]

// From the sources: what an earlier build left of files that are gone is not run.
const files = readdirSync('test', { recursive: true }).filter(file => file.endsWith('.test.ts')).sort()
const placed = [...first, ...last].flat()
const missing = placed.filter(file => !files.includes(file))
if (missing.length > 0) throw new Error(`scripts/group-tests.mjs names tests that do not exist: ${missing.join(', ')}.`)

const others = files.filter(file => !placed.includes(file))
const shared = []
while (others.length > 0) shared.push(others.splice(-most))
const groups = [...first, ...shared, ...last]

rmSync(directory, { recursive: true, force: true })
mkdirSync(directory, { recursive: true })
for (const [index, group] of groups.entries()) {
  const name = group[0].slice(0, -'.test.ts'.length) + (group.length > 1 ? '-and-more' : '')
  // One after the other, so that a file has what it prepares at its top to itself.
  const load = group.map(file => `await import('../test/${file.replace(/ts$/, 'js')}')\n`)
  writeFileSync(`${directory}/${String(index).padStart(2, '0')}-${name.replaceAll('/', '-')}.js`, load.join(''))
}
