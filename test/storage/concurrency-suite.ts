/** Many writers at once. */
import type { Test } from 'tap'
import { aRecord, aValue, commit, type Driver, next, readValue, segmentOf, store, text } from './driver.js'

export function concurrencySuite (t: Test, driver: Driver): void {
  t.test('N writers that compare and swap lose no update', async t => {
    const target = await driver.fresh(t)
    const counter = aValue('0')
    await store(target, { put: [counter] })
    let conflicts = 0
    await Promise.all(Array.from({ length: 16 }, async () => {
      for (let done = 0; done < 10;) {
        const record = await target.meta.get(counter.id)
        if (record === undefined) throw new Error('the record is gone')
        const value = Buffer.from(String(Number(text(record.inline)) + 1))
        const result = await commit(target, { put: [next(record, { inline: value, size: value.length, segments: { kind: 'replace', segments: [] } })], events: [{}] })
        if (result.status === 'committed') done++
        else conflicts++
      }
    }))
    const end = await target.meta.get(counter.id)
    t.equal(text(end?.inline), '160')
    t.equal(end?.version, 161)
    t.equal(await target.meta.lastSequence(), 160)
    t.comment(`${conflicts} conflicts`)
  })

  t.test('of N creators of one name exactly one wins, and the others learn of it', async t => {
    const target = await driver.fresh(t)
    for (let round = 0; round < 5; round++) {
      const puts = Array.from({ length: 16 }, (_, n) => aValue(String(n), { parentID: target.rootID, name: `name${round}` }))
      const results = await Promise.all(puts.map(async put => await commit(target, { put: [put] })))
      const winners = puts.filter((_, n) => results[n]?.status === 'committed')
      t.equal(winners.length, 1)
      for (const result of results) if (result.status === 'conflict') t.same(result, { status: 'conflict', on: 'name', id: winners[0]?.id })
      t.same((await target.meta.resolve(target.rootID, [`name${round}`])).map(({ id }) => id), [target.rootID, winners[0]?.id])
    }
  })

  t.test('a conflict leaves the changes beside it alone', async t => {
    const target = await driver.fresh(t)
    const puts = Array.from({ length: 20 }, (_, n) => aValue(String(n), { parentID: target.rootID, name: String(n) }))
    const results = await Promise.all(puts.map(async (put, n) => await commit(target, { put: [put], expect: [{ id: target.rootID, version: n % 3 === 0 ? 7 : 1 }] })))
    for (const [n, put] of puts.entries()) {
      t.equal(results[n]?.status, n % 3 === 0 ? 'conflict' : 'committed')
      t.equal((await target.meta.get(put.id)) !== undefined, n % 3 !== 0)
    }
  })

  t.test('a committed change is seen by the next read, a reader sees old or new and no mixture', async t => {
    const target = await driver.fresh(t)
    const lease = target.lease()
    let put = aRecord({ parentID: target.rootID, name: 'o' })
    await store(target, { put: [put] })
    const stop = new AbortController()
    const reading = (async () => {
      let reads = 0
      while (!stop.signal.aborted) {
        const record = (await target.meta.resolve(target.rootID, ['o']))[1]
        if (record === undefined) throw new Error('the name is gone')
        const map = await target.meta.segments(record.id, 0, record.size)
        if (map?.version !== record.version) continue
        const bytes = await readValue(target, record).catch((error: unknown) => { if (!String(error).includes('changed')) throw error })
        if (bytes !== undefined && new Set(bytes).size > 1) throw new Error('a mixture of two values')
        reads++
        await new Promise(setImmediate)
      }
      return reads
    })()
    for (let n = 1; n <= 30; n++) {
      const births = await Promise.all([0, 1, 2].map(async () => await target.blobs.put(lease.id, [Buffer.alloc(50, n)])))
      put = next(put, { size: 150, segments: { kind: 'replace', segments: births.map((birth, at) => segmentOf(birth, at * 50)) } })
      await store(target, { lease: lease.id, births, put: [put] })
      t.equal((await target.meta.get(put.id))?.version, n + 1)
    }
    stop.abort()
    t.ok(await reading > 0)
    lease.release()
  })
}
