/** The thread of the writer. A message in is a batch; a message out are the results of all batches that were waiting, in the same order, and how long they took; `close` ends it. */
import { join } from 'node:path'
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { DiskProbe } from './disk-probe.js'
import { takeBack } from './lmdb-heads.js'
import { openTables } from './tables.js'
import { batchBytes, type WireResult } from './wire.js'
import { Writer, type WriteTimes } from './writer.js'

export interface WriterThreadData {
  readonly directory: string
  /** Where the file is opened anew after a commit whose last write failed: transactions up to this one are there. */
  readonly after?: number
}

export type WriterThreadMessage = Uint8Array | 'close'

export interface WriterThreadAnswer {
  /** Of each batch. */
  readonly results: ReadonlyArray<readonly WireResult[]>
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

/** What has come meanwhile goes along: one flush for all of it. `close` is always the last. */
function allWaiting (port: MessagePort, first: WriterThreadMessage): WriterThreadMessage[] {
  const messages = [first]
  let bytes = first.length
  while (bytes < batchBytes && messages.at(-1) !== 'close') {
    const next = receiveMessageOnPort(port)?.message as WriterThreadMessage | undefined
    if (next === undefined) break
    messages.push(next)
    bytes += next.length
  }
  return messages
}

port.on('message', (first: WriterThreadMessage) => {
  const messages = allWaiting(port, first)
  const batches = messages.filter(message => message !== 'close')
  if (batches.length > 0) {
    const results = writer.write(batches)
    const { times, lost, spoilt } = writer
    // What is missing costs nothing on the way.
    port.postMessage({ results, times, ...lost !== undefined && { lost }, ...spoilt !== undefined && { spoilt } } satisfies WriterThreadAnswer)
  }
  if (!messages.includes('close')) return
  writer.close()
  tables.env.close().finally(() => { port.close() }).catch(() => {})
})
// What cannot be read has no results, and all behind it would get those of others: the thread ends, and everybody is told.
port.on('messageerror', error => { throw error })
