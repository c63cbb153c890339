import t from 'tap'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { openTables } from '../../storage/embedded/tables.js'
import { quickDirectory } from './embedded-driver.js'
import { filledStore, openQuietly, repaired, verified } from './verify-store.js'

const filled = await filledStore(t, { counts: true })
const names = ['records', 'entries', 'segments', 'references', 'blobs', 'trash', 'doomed', 'leases', 'orphans', 'log', 'accesses', 'usage'] as const

const harm = fc.record({
  table: fc.constantFrom(...names),
  row: fc.nat(),
  what: fc.constantFrom('flip', 'flip the key', 'cut', 'remove', 'empty'),
  at: fc.nat(),
  bit: fc.integer({ min: 0, max: 7 })
})

/** `VERIFY_RUNS=1000` is another matter than what the ordinary run has time for. */
const runs = Number(process.env['VERIFY_RUNS'] ?? 12)

t.test('whatever bits of whatever rows are wrong: verify comes to its end, repair mends or moves aside until nothing is found, and the store can be used', { timeout: Math.max(300_000, runs * 5000) }, async t => {
  await fc.assert(fc.asyncProperty(fc.array(harm, { minLength: 1, maxLength: 4 }), async harms => {
    const directory = join(await quickDirectory(t), 'store')
    await cp(filled.directory, directory, { recursive: true, filter: source => !source.endsWith('.sock') })
    const tables = openTables(directory)
    try {
      for (const { table: name, row, what, at, bit } of harms) {
        const table = tables[name]
        const rows = Array.from(table.getRange({ start: Buffer.from([0]) }))
        const chosen = rows[row % Math.max(1, rows.length)]
        if (chosen === undefined) continue
        const { key, value } = { key: Buffer.from(chosen.key), value: Buffer.from(chosen.value) }
        // The first bytes are where the structure is; a value has most of the rest.
        const place = at % 3 === 0 ? at % Math.max(1, value.length) : at % Math.min(60, Math.max(1, value.length))
        if (what === 'flip') table.putSync(key, Buffer.from(value.map((byte, index) => index === place ? byte ^ (1 << bit) : byte)))
        else if (what === 'cut') table.putSync(key, value.subarray(0, place))
        else if (what === 'empty') table.putSync(key, Buffer.alloc(0))
        else table.removeSync(key)
        if (what === 'flip the key') table.putSync(Buffer.from(key.map((byte, index) => index === at % key.length ? byte ^ (1 << bit) : byte)), value)
      }
    } finally {
      await tables.env.close()
    }
    const found = await verified(directory)
    const repairs = await repaired(directory)
    if (found.news.length === 0) t.same(repairs.filter(({ setAside }) => setAside !== true), [])
    t.same((await verified(directory)).news, [], JSON.stringify(harms))
    const store = await openQuietly(directory)
    try {
      await store.sweep()
      t.ok((await store.meta.resolve(store.rootID, [])).length === 1)
      const last = await store.meta.lastSequence()
      t.equal((await store.meta.commit({ expect: [], events: [{ after: 'repair' }] })).status, 'committed')
      t.equal(await store.meta.lastSequence(), last + 1)
    } finally {
      await store.close()
    }
    t.same((await verified(directory)).news, [], `${JSON.stringify(harms)}, swept`)
    // What is left of the first record of a data object or container names half an ID, or none, as that of its parent.
  }), { numRuns: runs, examples: [[[{ table: 'records', row: 1, what: 'cut', at: 26, bit: 0 }]], [[{ table: 'records', row: 2, what: 'cut', at: 38, bit: 0 }]]] })
})
