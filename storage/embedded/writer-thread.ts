/** The thread of the writer. A message in is a batch, a message out its results, in the same order, and how long it took; `close` ends it. */
import { parentPort, workerData } from 'node:worker_threads'
import { openTables } from './tables.js'
import type { WireResult } from './wire.js'
import { Writer, type WriteTimes } from './writer.js'

export interface WriterThreadData {
  readonly directory: string
}

export type WriterThreadMessage = Uint8Array | 'close'

export interface WriterThreadAnswer {
  readonly results: WireResult[]
  readonly times: WriteTimes
}

const port = parentPort
if (port === null) throw new Error('This file is the body of a worker thread')
const { directory } = workerData as WriterThreadData
const tables = openTables(directory)
const writer = new Writer(directory, tables)
port.on('message', (message: WriterThreadMessage) => {
  if (message !== 'close') {
    port.postMessage({ results: writer.write(message), times: writer.times } satisfies WriterThreadAnswer)
    return
  }
  writer.close()
  tables.env.close().finally(() => { port.close() }).catch(() => {})
})
