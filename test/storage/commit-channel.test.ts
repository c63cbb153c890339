import t from 'tap'
import { type BatchTransport, BatchingChannel } from '../../storage/embedded/commit-channel.js'
import { unpackBatch, type WireResult } from '../../storage/embedded/wire.js'

/** A writer that says how long it was busy, and keeps what it got, one text a batch. Batches end when `release` is called. */
function recordingWriter (took: number | undefined): BatchTransport & { batches: string[], release: () => void } {
  const batches: string[] = []
  let done: (() => void) | undefined
  return {
    took,
    batches,
    release: () => { done?.() },
    async send (batch): Promise<WireResult[]> {
      const items = unpackBatch(batch)
      batches.push(items.map(item => item.toString()).join(' '))
      await new Promise<void>(resolve => { done = resolve })
      return items.map(() => ['done', 1])
    },
    async close () {}
  }
}

const nextTurn = async (): Promise<void> => { await new Promise(setImmediate) }

t.test('what one turn of the event loop submits is one batch while the writer takes longer than that turn, and where nobody knows', async t => {
  for (const took of [60_000, undefined]) {
    const writer = recordingWriter(took)
    const channel = new BatchingChannel(writer, () => {})
    const submitted = ['a', 'b', 'c'].map(async item => await channel.submit(Buffer.from(item)))
    await Promise.resolve()
    t.same(writer.batches, [], 'nothing is sent before the turn is over')
    await nextTurn()
    t.same(writer.batches, ['a b c'])
    writer.release()
    await Promise.all(submitted)
  }
})

t.test('a turn that has lasted longer than the writer takes for a batch is not waited for; what it submits besides is the next batch', async t => {
  const writer = recordingWriter(0)
  const channel = new BatchingChannel(writer, () => {})
  const first = channel.submit(Buffer.from('a'))
  const second = channel.submit(Buffer.from('b'))
  // Microtasks alone: the turn goes on.
  for (let step = 0; step < 10; step++) await Promise.resolve()
  t.same(writer.batches, ['a b'], 'sent in the same turn')
  const third = channel.submit(Buffer.from('c'))
  for (let step = 0; step < 10; step++) await Promise.resolve()
  t.same(writer.batches, ['a b'], 'one batch at a time')
  writer.release()
  t.same(await Promise.all([first, second]), [['done', 1], ['done', 1]])
  t.same(writer.batches, ['a b', 'c'])
  writer.release()
  t.same(await third, ['done', 1])
})
