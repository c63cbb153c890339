/**
 * A look at a store in a directory, in a process of its own: LMDB believes what is in its file, and where that is damaged it may end the process that reads it. That is then
 * something that was found.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Finding, LookProgress, VerifyOptions } from '../storage/verify/findings.js'
import { StorageError, type StorageReason } from '../storage/contract.js'
import type { Offered, OfferNotices, ToldNotices } from './offer-notices.js'
import type { VerifyResult } from '../storage/embedded/verify/verify-embedded.js'

/** What the other process is told: what to do, or to end. */
export type ToLook = { readonly directory: string, readonly values: boolean, readonly offered: Offered } | { readonly stop: true }

/** What it says. */
export interface FromLook {
  readonly progress?: LookProgress
  readonly finding?: Finding
  readonly result?: VerifyResult
  readonly notices?: ToldNotices
  readonly error?: { readonly reason: StorageReason | undefined, readonly message: string }
}

/** Signals by which a process ends that has read where nothing is. */
const faults: ReadonlySet<string | null> = new Set(['SIGSEGV', 'SIGBUS', 'SIGABRT', 'SIGILL', 'SIGFPE'])

/** As `verifyEmbedded`. `entry`: what the other process runs. */
export async function verifyApart (directory: string, { values = true, signal, progress }: Pick<VerifyOptions, 'values' | 'signal' | 'progress'>, found: (finding: Finding) => void, notices: OfferNotices, entry = new URL('./verify-child.js', import.meta.url)): Promise<VerifyResult> {
  const child = fork(fileURLToPath(entry), { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  let last: FromLook = {}
  child.on('message', (message: FromLook) => {
    if (message.progress !== undefined) progress?.(message.progress)
    else if (message.finding !== undefined) found(message.finding)
    else last = message
  })
  const tell = (message: ToLook): void => { if (child.connected) child.send(message, () => {}) }
  const stop = (): void => { tell({ stop: true }) }
  signal?.addEventListener('abort', stop)
  try {
    const ended = once(child, 'close') as Promise<[code: number | null, signal: string | null]>
    tell({ directory, values, offered: notices.offered })
    const [code, killer] = await ended
    signal?.throwIfAborted()
    if (last.notices !== undefined) notices.add(last.notices)
    if (last.result !== undefined) return last.result
    if (last.error !== undefined) throw last.error.reason === undefined ? new Error(last.error.message) : new StorageError(last.error.reason, last.error.message)
    if (!faults.has(killer)) throw new Error(`The process that looked at the store has ended before its time (${killer ?? `exit code ${code}`})`)
    found({ kind: 'structure', file: 'meta.lmdb', problem: `The file meta.lmdb is damaged: LMDB has ended the process that read it (${killer}), so that not everything could be looked at; what can be done is to restore a backup` })
    return { records: 0, blobs: 0, bytes: 0, events: 0, online: false }
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}
