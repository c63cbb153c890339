/** The file of records grows ahead of what is written, and seldom: a file that grows costs each flush more. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { encodeChange } from '../../storage/embedded/change-frame.js'
import { openTables } from '../../storage/embedded/tables.js'
import { packBatch } from '../../storage/embedded/wire.js'
import { Writer } from '../../storage/embedded/writer.js'
import { openStore } from '../../storage/open-store.js'
import { aRecord } from './driver.js'

t.test('the file grows a few times for many batches, however many changes each of them has', async t => {
  for (const changes of [1, 16, 40]) {
    const directory = join(t.testdir(), `store-${changes}`)
    const store = await openStore({ directory })
    const parentID = store.rootID
    await store.close()
    const tables = openTables(directory)
    const writer = new Writer(directory, tables)
    let grown = 0
    let size = 0
    for (let batch = 0; batch < 60; batch++) {
      const items = await Promise.all(Array.from({ length: changes }, async (_, n) => await encodeChange({ expect: [], put: [aRecord({ parentID, name: `${batch}-${n}` })], events: [{ n }] })))
      const [results = []] = writer.write([packBatch(items)])
      if (results.some(result => typeof result !== 'number')) throw new Error(`not committed: ${JSON.stringify(results)}`)
      const now = statSync(join(directory, 'meta.lmdb')).size
      if (now !== size) grown++
      size = now
    }
    writer.close()
    await tables.env.close()
    t.ok(grown <= 6, `${grown} times with ${changes} changes a batch`)
  }
})
