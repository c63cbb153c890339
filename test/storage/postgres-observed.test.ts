/** A store in a database tells of itself, and when the database is away it tells that. */
import t from 'tap'
import { merged } from '../../metrics/family.js'
import { textOf } from '../../metrics/text.js'
import { StorageError } from '../../storage/contract.js'
import { openDatabaseLog } from '../../storage/open-log.js'
import { openStore } from '../../storage/open-store.js'
import { eventually } from '../helpers/eventually.js'
import { numbersOf } from '../helpers/scrape.js'
import { aValue, store } from './driver.js'
import { placeOf } from './postgres-driver.js'
import { ownServer, query, schemaOf } from './postgres-server.js'

const server = await ownServer()
if (server === undefined) t.pass('PostgreSQL is not installed', { skip: true })
else {
  t.test('sizes, the pool, and whether the database is there, in bounded time', async t => {
    const options = { ...placeOf(t, server, t.testdir()), databaseTimeout: 2000, connectTimeout: 1000 }
    const target = await openStore(options, (error: unknown) => { if (!(error instanceof StorageError && error.reason === 'unavailable')) throw error })
    t.teardown(async () => { await target.close() })
    for (let n = 0; n < 20; n++) await store(target, { put: [aValue(`${n}`, { parentID: target.rootID, name: `${n}` })], events: [{ n }] })
    await query(options.meta, `analyze ${schemaOf(options.meta)}.records, ${schemaOf(options.meta)}.log`)
    const read = async () => numbersOf(textOf(merged([await target.metrics?.collect() ?? []])))
    const numbers = await read()
    t.equal(numbers.get('cdmi_store_up'), 1)
    t.equal(numbers.get('cdmi_store_objects'), 21)
    t.equal(numbers.get('cdmi_change_log_entries'), 20)
    t.ok(Number(numbers.get('cdmi_store_bytes{part="records"}')) > 8192)
    // Whoever has work in the background may have all of them in use.
    t.ok(Number(numbers.get('cdmi_database_connections{state="idle"}')) + Number(numbers.get('cdmi_database_connections{state="busy"}')) >= 1)
    t.equal(numbers.get('cdmi_database_waiting'), 0)
    t.equal(numbers.get('cdmi_database_page_checksums'), (await query(options.meta, 'show data_checksums'))[0]?.[0] === 'on' ? 1 : 0)

    server.freeze()
    try {
      const began = performance.now()
      const away = await read()
      t.ok(performance.now() - began < 5000)
      t.equal(away.get('cdmi_store_up'), 0)
      t.notOk(away.has('cdmi_store_objects'))
      t.equal((await read()).get('cdmi_store_up'), 0, 'again, with one question for all')
    } finally {
      server.thaw()
    }
    await eventually('the database is there again', async () => (await read()).get('cdmi_store_up') === 1)
  })

  t.test('the change log can be read beside those who write it, without the place of the values', async t => {
    const options = placeOf(t, server, t.testdir())
    await t.rejects(openDatabaseLog({ meta: options.meta }), { name: 'StorageError' }, 'there is no store')
    const target = await openStore(options)
    for (let n = 0; n < 3; n++) await store(target, { put: [aValue(`${n}`, { parentID: target.rootID, name: `${n}` })], events: [{ n }] })
    const log = await openDatabaseLog({ meta: options.meta })
    t.teardown(async () => { await log.close() })
    t.equal(await log.lastSequence(), 3)
    t.same((await log.events(1, 10)).map(({ event }) => event), [{ n: 1 }, { n: 2 }])
    await store(target, { put: [aValue('late', { parentID: target.rootID, name: 'late' })], events: [{ n: 'late' }] })
    t.same((await log.events(3, 10)).map(({ event }) => event), [{ n: 'late' }])
    await target.close()
  })
}
