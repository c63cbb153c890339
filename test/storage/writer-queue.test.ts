/** Batches that wait for the writer's thread are written together, and answered each by itself. */
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { encodeChange } from '../../storage/embedded/change-frame.js'
import { openTables } from '../../storage/embedded/tables.js'
import { startWriter } from '../../storage/embedded/thread-transport.js'
import { packBatch } from '../../storage/embedded/wire.js'
import { Writer } from '../../storage/embedded/writer.js'
import { openStore } from '../../storage/open-store.js'
import { aRecord } from './driver.js'
import { quickDirectory } from './embedded-driver.js'

/** The directory of a store that nobody has open, and what makes batches that create objects of such names in it. */
async function closedStore (t: Test): Promise<{ directory: string, batch: (...names: string[]) => Promise<Uint8Array<ArrayBuffer>> }> {
  const directory = join(await quickDirectory(t), 'store')
  const store = await openStore({ directory })
  const parentID = store.rootID
  await store.close()
  return {
    directory,
    batch: async (...names) => packBatch(await Promise.all(names.map(async name => await encodeChange({ expect: [], put: [aRecord({ parentID, name })], events: [{ name }] }))))
  }
}

t.test('what has come while the writer was busy is one transaction; each batch gets its own results, in order, and those before a close are written', async t => {
  const { directory, batch } = await closedStore(t)
  const batches = [await batch('a', 'b'), await batch('a'), await batch('c', 'd', 'e')]
  const measured: number[] = []
  // It has not begun to listen when they are sent.
  const writer = startWriter({ directory }, items => { measured.push(items) })
  const answers = batches.map(async batch => (await writer.send(batch)).results)
  await writer.close()
  t.match(await Promise.all(answers), [[Number, Number], [['conflict', 'name', String]], [Number, Number, Number]])
  t.same(measured, [6])
  await t.rejects(writer.send(await batch('f')), { message: 'The writer thread was closed' })
})

t.test('a batch that cannot be sent is refused, and those behind it get their own results', async t => {
  const { directory, batch } = await closedStore(t)
  const [first, second] = [await batch('a', 'b'), await batch('a')]
  const writer = startWriter({ directory }, () => {})
  // Such memory is never given away.
  const refused = writer.send(new Uint8Array(new SharedArrayBuffer(8)) as Uint8Array as Uint8Array<ArrayBuffer>)
  const answers = [writer.send(first), writer.send(second)]
  await t.rejects(refused, TypeError)
  t.match((await Promise.all(answers)).map(({ results }) => results), [[Number, Number], [['conflict', 'name', String]]])
  await writer.close()
})

t.test('a batch that the thread cannot read ends it, and all that wait are told', async t => {
  const { directory, batch } = await closedStore(t)
  const [unreadable, next] = [await batch('a'), await batch('b')]
  structuredClone(unreadable, { transfer: [unreadable.buffer] })
  const writer = startWriter({ directory }, () => {})
  const failed = { message: /^The writer thread has failed: / }
  await Promise.all([t.rejects(writer.send(unreadable), failed), t.rejects(writer.send(next), failed)])
  await writer.close()
})

t.test('a batch that was waiting behind one that ended all writing is refused, for the same reason, before LMDB is asked', async t => {
  const ends: ReadonlyArray<(writer: Writer) => void> = [
    writer => { writer.spoilt = 'EIO' },
    writer => { writer.lost = 7 }
  ]
  for (const end of ends) {
    const { directory, batch } = await closedStore(t)
    const tables = openTables(directory)
    let begun = 0
    const env = new Proxy(tables.env, {
      get (target, name) {
        if (name === 'transactionSync') begun++
        const member: unknown = Reflect.get(target, name)
        return typeof member === 'function' ? member.bind(target) as unknown : member
      }
    })
    const writer = new Writer(directory, { ...tables, env })
    try {
      t.match(writer.write([await batch('a')]), [[Number]])
      t.equal(begun, 1)
      end(writer)
      const refused = ['failed', 'unavailable', String]
      t.match(writer.write([await batch('b', 'c'), await batch('d')]), [[refused, refused], [refused]])
      t.equal(begun, 1)
    } finally {
      writer.close()
      await tables.env.close()
    }
  }
})
