/** Batches to the writer's thread of this process. */
import { Worker } from 'node:worker_threads'
import { StorageError } from '../contract.js'
import type { WriteTimes } from './writer.js'
import type { WriterThreadAnswer, WriterThreadData } from './writer-thread.js'

/** The writer is ours alone: what an application preloads into its threads (instrumentation, compilers) would only make every start slow. */
const nothingPreloaded = { execArgv: [], env: { ...process.env, NODE_OPTIONS: '' } }

export interface WriterThread {
  /** Rejects with a StorageError 'unavailable' when the thread has ended. */
  send (batch: Uint8Array<ArrayBuffer>): Promise<WriterThreadAnswer>
  /** What is under way is written before. */
  close (): Promise<void>
}

/** Starts the thread. It keeps the process alive only while a batch is under way. `measured` is told how much was written at once, and how long that took. */
export function startWriter (data: WriterThreadData, measured: (items: number, times: WriteTimes) => void): WriterThread {
  const thread = new Worker(new URL('./writer-thread.js', import.meta.url), { workerData: data, name: 'cdmi-writer', ...nothingPreloaded })
  thread.unref()
  let answer: ((answer: WriterThreadAnswer) => void) | undefined
  let refuse: ((error: StorageError) => void) | undefined
  let broken: StorageError | undefined
  let closing = false
  let exited = false

  const ended = new Promise<void>(resolve => {
    thread.once('exit', code => {
      exited = true
      if (!closing) fail(new StorageError('unavailable', `The writer thread has ended (code ${code})`))
      resolve()
    })
  })
  function fail (error: StorageError): void {
    broken ??= error
    refuse?.(broken)
  }
  thread.on('error', error => { fail(new StorageError('unavailable', `The writer thread has failed: ${error.message}`, { cause: error })) })
  thread.on('message', (answered: WriterThreadAnswer) => {
    thread.unref()
    measured(answered.results.length, answered.times)
    answer?.(answered)
  })

  return {
    async send (batch) {
      if (broken !== undefined) throw broken
      return await new Promise((resolve, reject) => {
        answer = resolve
        refuse = reject
        thread.ref()
        thread.postMessage(batch, [batch.buffer])
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
