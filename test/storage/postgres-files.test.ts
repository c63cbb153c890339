/** Values in a directory that many servers share, and records in PostgreSQL. */
import t from 'tap'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openStore } from '../../storage/open-store.js'
import { isReadable, storeBlob } from './driver.js'
import { noErrors } from './embedded-driver.js'
import { placeOf } from './postgres-driver.js'
import { postgresServer, query, schemaOf } from './postgres-server.js'

const server = await postgresServer(t)
if (server === undefined) t.plan(0, 'PostgreSQL is not installed')
else {
  t.test('a file that comes under a closed lease, of a server that was stopped for long and dies as it goes on, does not stay for ever', async t => {
    const place = placeOf(t, server, t.testdir())
    const store = await openStore(place, noErrors)
    t.teardown(async () => { await store.close() })
    const { birth } = await storeBlob(store, 'kept')
    const [lease = '', group = ''] = birth.blob.split('/')
    await store.meta.closeLease(lease)
    await store.sweep()
    const late = join(fileURLToPath(place.blobs), lease, group, 'zz')
    writeFileSync(late, 'late')
    await store.sweep()
    t.ok(existsSync(late), 'it is not looked for all the time')
    const s = schemaOf(place.meta)
    await query(server.url, `update ${s}.leases set closed = closed - interval '2 hours', swept = swept - interval '2 hours' where id = '${lease}'`)
    await store.sweep()
    t.notOk(existsSync(late))
    t.ok(await isReadable(store, birth))
    t.same(await query(server.url, `select id from ${s}.leases where id = '${lease}'`), [], 'and nobody looks again')
  })
}
