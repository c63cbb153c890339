/** The thread of the writer. A message in is a batch, a message out its results, in the same order, and how long it took; `close` ends it. */
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { DiskProbe } from './disk-probe.js'
import { takeBack } from './lmdb-heads.js'
import { openTables } from './tables.js'
import type { WireResult } from './wire.js'
import { Writer, type WriteTimes } from './writer.js'

export interface WriterThreadData {
  readonly directory: string
  /** Where the file is opened anew after a commit whose last write failed: transactions up to this one are there. */
  readonly after?: number
}

export type WriterThreadMessage = Uint8Array | 'close'

export interface WriterThreadAnswer {
  readonly results: WireResult[]
  readonly times: WriteTimes
  /** Given when LMDB does nothing any more until the file is opened anew: transactions up to this one are there. */
  readonly lost?: number
  /** Given when memory of this process has other bytes than it should: what was said of it. */
  readonly spoilt?: string
}

const port = parentPort
if (port === null) throw new Error('This file is the body of a worker thread')
const { directory, after } = workerData as WriterThreadData
if (after !== undefined) {
  // Each write that fails inside of LMDB is a risk, and what follows writes.
  new DiskProbe(directory).probe()
  takeBack(join(directory, 'meta.lmdb'), after)
}
const tables = openTables(directory)
const writer = new Writer(directory, tables)
port.on('message', (message: WriterThreadMessage) => {
  if (message !== 'close') {
    const results = writer.write(message)
    const { times, lost, spoilt } = writer
    // What is missing costs nothing on the way.
    port.postMessage({ results, times, ...lost !== undefined && { lost }, ...spoilt !== undefined && { spoilt } } satisfies WriterThreadAnswer)
    return
  }
  writer.close()
  tables.env.close().finally(() => { port.close() }).catch(() => {})
})
