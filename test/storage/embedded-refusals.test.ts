import t, { type Test } from 'tap'
import { spawnSync } from 'node:child_process'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openStore } from '../../storage/open-store.js'
import { childFile, start } from './child-process.js'
import { noErrors } from './embedded-driver.js'

/** A mount namespace of its own: what is mounted in it is gone with its last process. */
const namespace = process.getuid?.() === 0 ? ['--mount'] : ['--user', '--map-root-user', '--mount']
const mountable = process.platform === 'linux' && spawnSync('unshare', [...namespace, 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0

t.test('a full disk: what cannot be stored is refused as full and nothing is lost; it goes on when there is space', {
  // In the continuous integration it must run.
  skip: !mountable && process.env['CI'] !== 'true' ? 'THIS SYSTEM LETS NOBODY MOUNT A SMALL FILE SYSTEM' : false
}, async t => {
  const directory = t.testdir({ mount: {} })
  const complaints = join(directory, 'complaints')
  const child = start(t, 'unshare', [...namespace, 'sh', '-c', 'mount -t tmpfs -o size=6m tmpfs "$1" && exec "$2" "$3" "$1" 2>"$4"', 'sh', join(directory, 'mount'), process.execPath, childFile('full-disk'), complaints])
  await child.ended
  // LMDB would say it there; and its way of saying it may end the process.
  t.equal(readFileSync(complaints, 'utf8'), '', 'LMDB itself has never met the end of the disk')
  // A small one may find its place.
  const { small, ...report } = JSON.parse(child.lines.at(-1) ?? '{}')
  t.match(small, /^(?:done|full)$/)
  t.same(report, {
    filling: ['done', 'full'],
    oneByOne: true,
    missingWhenFull: 0,
    blob: 'full',
    ready: 'full',
    removing: ['done'],
    afterRemoval: ['done'],
    sweep: 'done',
    afterGrowth: ['done'],
    missing: 0,
    missingReopened: 0,
    readyReopened: 'done'
  })
})

/** Root may do everything: the calls are made as nobody. */
async function asNobody (t: Test, work: () => Promise<void>): Promise<void> {
  const root = process.geteuid?.() === 0
  if (root) process.seteuid?.(65534)
  try {
    await work()
  } finally {
    if (root) process.seteuid?.(0)
  }
  t.pass()
}

t.test('what the system forbids is refused as such, and works again when it is allowed', async t => {
  const directory = t.testdir({ closed: {}, store: {} })
  chmodSync(join(directory, 'closed'), 0o500)
  chmodSync(directory, 0o755)
  await asNobody(t, async () => {
    await t.rejects(openStore({ directory: join(directory, 'closed') }), { name: 'StorageError', reason: 'permission' })
  })
  const store = await openStore({ directory: join(directory, 'store') }, noErrors)
  const lease = store.lease()
  const blobs = join(directory, 'store', 'blobs')
  chmodSync(blobs, 0o500)
  await asNobody(t, async () => {
    await t.rejects(store.blobs.put(lease.id, [Buffer.from('x')]), { name: 'StorageError', reason: 'permission' })
    await t.rejects(store.ready(), { name: 'StorageError', reason: 'permission' })
  })
  chmodSync(blobs, 0o700)
  const birth = await store.blobs.put(lease.id, [Buffer.from('x')])
  t.equal(birth.size, 1)
  lease.release([birth.blob])
  await store.close()
})
