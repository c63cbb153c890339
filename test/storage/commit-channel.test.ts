import t from 'tap'
import { type BatchTransport, BatchingChannel } from '../../storage/embedded/commit-channel.js'
import { StorageError, StoreClosedError } from '../../storage/contract.js'
import { unpackBatch, type WireResult } from '../../storage/embedded/wire.js'

interface RecordingWriter extends BatchTransport {
  /** What it got, one text a batch. */
  readonly batches: string[]
  closed: boolean
  /** Ends the oldest batch that is on its way: each item was done as often as it has bytes. Or fails it. */
  release (error?: Error): void
}

function recordingWriter (queues: boolean): RecordingWriter {
  const batches: string[] = []
  const onTheirWay: Array<(error?: Error) => void> = []
  return {
    queues,
    batches,
    closed: false,
    release (error) { onTheirWay.shift()?.(error) },
    async send (batch) {
      const items = unpackBatch(batch)
      batches.push(items.map(item => item.toString()).join(' '))
      await new Promise<void>((resolve, reject) => {
        onTheirWay.push(error => {
          if (error === undefined) resolve()
          else reject(error)
        })
      })
      return items.map((item): WireResult => ['done', item.length])
    },
    async close () { this.closed = true }
  }
}

const nextTurn = async (): Promise<void> => { await new Promise(setImmediate) }

t.test('what goes on in step is submitted in one batch', async t => {
  for (const queues of [true, false]) {
    const writer = recordingWriter(queues)
    const channel = new BatchingChannel(writer, () => {})
    const start = Promise.resolve()
    const submitted = ['a', 'bb', 'ccc'].map(async item => {
      await start
      await Promise.resolve()
      return await channel.submit(Buffer.from(item))
    })
    await nextTurn()
    t.same(writer.batches, ['a bb ccc'])
    writer.release()
    t.same(await Promise.all(submitted), [['done', 1], ['done', 2], ['done', 3]])
  }
})

t.test('a writer that queues gets a batch while it works on another one; one that does not gets all that has come meanwhile at once', async t => {
  for (const [queues, batches] of [[true, ['a', 'b', 'c d']], [false, ['a', 'b c d']]] as const) {
    const writer = recordingWriter(queues)
    let answered = 0
    const channel = new BatchingChannel(writer, () => { answered++ })
    const submitted: Array<Promise<WireResult>> = []
    for (const turn of [['a'], ['b'], ['c', 'd']]) {
      submitted.push(...turn.map(async item => await channel.submit(Buffer.from(item))))
      await nextTurn()
    }
    t.same(writer.batches, queues ? batches : ['a'])
    for (const _ of batches) {
      writer.release()
      await nextTurn()
    }
    t.same(writer.batches, batches)
    t.same(await Promise.all(submitted), Array(4).fill(['done', 1]))
    t.equal(answered, batches.length)
  }
})

t.test('a batch that fails, fails alone', async t => {
  const writer = recordingWriter(true)
  const channel = new BatchingChannel(writer, () => {})
  const first = channel.submit(Buffer.from('a'))
  await nextTurn()
  const second = channel.submit(Buffer.from('b'))
  await nextTurn()
  writer.release(new StorageError('unavailable', 'gone'))
  await t.rejects(first, { message: 'gone' })
  writer.release()
  t.same(await second, ['done', 1])
})

t.test('what is thrown on the way is told to those whose batch it is, and the channel goes on', async t => {
  for (const queues of [true, false]) {
    const writer = recordingWriter(queues)
    let wrong = false
    const channel = new BatchingChannel(writer, () => { if (wrong) throw new Error('no snapshot') })
    // There is no memory of this length.
    const huge: Uint8Array = Object.defineProperty(Buffer.from('a'), 'length', { value: 2 ** 53 })
    await t.rejects(channel.submit(huge), RangeError)
    const second = channel.submit(Buffer.from('b'))
    await nextTurn()
    writer.release()
    t.same(await second, ['done', 1])
    wrong = true
    const third = channel.submit(Buffer.from('c'))
    await nextTurn()
    writer.release()
    await t.rejects(third, { message: 'no snapshot' })
    await channel.close()
  }
})

t.test('what is larger than a transaction should be is sent in several', async t => {
  for (const queues of [true, false]) {
    const writer = recordingWriter(queues)
    const channel = new BatchingChannel(writer, () => {})
    const mebibyte = 1024 ** 2
    const submitted = [5, 5, 9, 1].map(async size => await channel.submit(Buffer.alloc(size * mebibyte, 'x')))
    await nextTurn()
    for (let n = 0; n < 4; n++) {
      writer.release()
      await nextTurn()
    }
    t.same(await Promise.all(submitted), [5, 5, 9, 1].map(size => ['done', size * mebibyte]))
    t.same(writer.batches.map(batch => batch.split(' ').length), [1, 1, 1, 1])
  }
})

t.test('a channel that closes waits for all that was submitted, and takes nothing more', async t => {
  for (const queues of [true, false]) {
    const writer = recordingWriter(queues)
    const channel = new BatchingChannel(writer, () => {})
    const first = channel.submit(Buffer.from('a'))
    await nextTurn()
    const second = channel.submit(Buffer.from('b'))
    const closing = channel.close()
    await t.rejects(channel.submit(Buffer.from('c')), new StoreClosedError())
    await nextTurn()
    writer.release()
    t.same(await first, ['done', 1])
    await nextTurn()
    t.equal(writer.closed, false)
    writer.release()
    t.same(await second, ['done', 1])
    await closing
    t.equal(writer.closed, true)
  }
  const idle = recordingWriter(true)
  await new BatchingChannel(idle, () => {}).close()
  t.equal(idle.closed, true)
})
