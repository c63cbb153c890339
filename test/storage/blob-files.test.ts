/** What lies beside the values in a directory that many servers share. */
import t from 'tap'
import { chmodSync, chownSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BlobFiles } from '../../storage/files/blob-files.js'

t.test('what others put beside the values is in no listing: the sweeper would look at it for ever', async t => {
  const root = t.testdir()
  const blobs = new BlobFiles({ root, leaseIsOpen: async () => true, left () {} })
  const { blob } = await blobs.put('lease', [Buffer.from('x')])
  // As a network file system does with a file that is removed while somebody reads it.
  writeFileSync(join(root, 'lease/0/.nfs000000000001'), 'x')
  const listed: string[] = []
  for await (const found of blobs.list('lease')) listed.push(found)
  t.same(listed, [blob])
})

t.test('a server that was killed while it tried to write leaves something that another one removes; what others are at is left alone', async t => {
  const root = t.testdir({ 'probe-old': 'x', 'probe-now': 'x', other: 'x' })
  const old = new Date(Date.now() - 2 * 86_400_000)
  for (const name of ['probe-old', 'other']) utimesSync(join(root, name), old, old)
  await new BlobFiles({ root, leaseIsOpen: async () => true, left () {} }).probe()
  t.same(readdirSync(root).sort(), ['other', 'probe-now'])
})

t.test('the directory above may be closed to the server, as long as it leads to its own', async t => {
  const above = t.testdir({ values: {} })
  const root = join(above, 'values')
  const [asRoot, nobody] = [process.geteuid?.() === 0, 65534]
  if (asRoot) chownSync(root, nobody, nobody)
  chmodSync(above, 0o311)
  const blobs = new BlobFiles({ root, leaseIsOpen: async () => true, left () {} })
  // Root may do everything.
  if (asRoot) process.seteuid?.(nobody)
  try {
    const { blob } = await blobs.put('lease', [Buffer.from('x')])
    t.equal(Buffer.from(await blobs.read(blob, 0, 1)).toString(), 'x')
    await blobs.probe()
  } finally {
    if (asRoot) process.seteuid?.(0)
    chmodSync(above, 0o700)
  }
})
