/** Batches to the writer's thread of this process. */
import { Worker } from 'node:worker_threads'
import { StorageError } from '../contract.js'
import type { WriteTimes } from './writer.js'
import type { WireResult } from './wire.js'
import type { WriterThreadAnswer, WriterThreadData } from './writer-thread.js'

/** The writer is ours alone: what an application preloads into its threads (instrumentation, compilers) would only make every start slow. */
const nothingPreloaded = { execArgv: [], env: { ...process.env, NODE_OPTIONS: '' } }

/** What the writer says of one batch. */
export interface BatchAnswer extends Omit<WriterThreadAnswer, 'results'> {
  readonly results: readonly WireResult[]
}

export interface WriterThread {
  /** Batches are written in the order in which they are sent. Rejects with a StorageError 'unavailable' when the thread has ended. */
  send (batch: Uint8Array<ArrayBuffer>): Promise<BatchAnswer>
  /** What is under way is written before. */
  close (): Promise<void>
}

/** Starts the thread. It keeps the process alive only while a batch is on its way, and while it closes. `measured` is told how much was written at once, and how long that took. */
export function startWriter (data: WriterThreadData, measured: (items: number, times: WriteTimes) => void): WriterThread {
  const thread = new Worker(new URL('./writer-thread.js', import.meta.url), { workerData: data, name: 'cdmi-writer', ...nothingPreloaded })
  thread.unref()
  /** Those who wait for their batch, in its order. */
  const waiting: Array<{ readonly resolve: (answer: BatchAnswer) => void, readonly reject: (error: StorageError) => void }> = []
  let broken: StorageError | undefined
  let closing = false
  let exited = false

  const ended = new Promise<void>(resolve => {
    thread.once('exit', code => {
      exited = true
      fail(new StorageError('unavailable', closing ? 'The writer thread was closed' : `The writer thread has ended (code ${code})`))
      resolve()
    })
  })
  function fail (error: StorageError): void {
    broken ??= error
    for (const { reject } of waiting.splice(0)) reject(broken)
  }
  thread.on('error', error => { fail(new StorageError('unavailable', `The writer thread has failed: ${error.message}`, { cause: error })) })
  thread.on('message', (answered: WriterThreadAnswer) => {
    const { results, times } = answered
    measured(results.reduce((sum, { length }) => sum + length, 0), times)
    for (const [at, { resolve }] of waiting.splice(0, results.length).entries()) resolve({ ...answered, results: results[at] ?? [] })
    if (waiting.length === 0 && !closing) thread.unref()
  })

  return {
    async send (batch) {
      if (broken !== undefined) throw broken
      return await new Promise((resolve, reject) => {
        // First: what could not be sent has no answer.
        thread.postMessage(batch, [batch.buffer])
        if (waiting.push({ resolve, reject }) === 1) thread.ref()
      })
    },
    async close () {
      if (closing) return await ended
      closing = true
      if (!exited) {
        thread.ref()
        thread.postMessage('close')
      }
      await ended
    }
  }
}
