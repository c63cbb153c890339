/** The process of its own of `verify`. */
import { StorageError } from '../storage/contract.js'
import type { LookProgress } from '../storage/verify/findings.js'
import { verifyEmbedded } from '../storage/embedded/verify/verify-embedded.js'
import { OfferNotices } from './offer-notices.js'
import type { FromLook, ToLook } from './verify-apart.js'

/** Milliseconds between two words of how far it is. */
const tellEvery = 100

const stop = new AbortController()
// Who typed Ctrl+C has typed it for both; the other one says when to end.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
process.on('disconnect', () => { stop.abort() })
process.on('message', (message: ToLook) => {
  if ('stop' in message) stop.abort()
  else look(message).catch((error: unknown) => { throw error })
})

function tell (message: FromLook, told: () => void = () => {}): void {
  process.send?.(message, undefined, undefined, told)
}

async function look ({ directory, values, offered }: Exclude<ToLook, { stop: true }>): Promise<void> {
  let told = 0
  let [phase, untold]: [string, LookProgress | undefined] = ['', undefined]
  /** How far it came at last, where that was too soon after another word. */
  const tellRest = (): void => {
    if (untold !== undefined) tell({ progress: untold })
    untold = undefined
  }
  const notices = new OfferNotices(offered)
  try {
    const result = await verifyEmbedded(directory, {
      values,
      signal: stop.signal,
      checkRecord: notices.checkRecord,
      progress (progress) {
        const now = performance.now()
        if (progress.phase === phase && now - told < tellEvery) {
          untold = progress
          return
        }
        if (progress.phase === phase) untold = undefined
        tellRest()
        phase = progress.phase
        told = now
        tell({ progress })
      }
    }, finding => { tell({ finding }) })
    tellRest()
    // With it goes what was said before.
    tell({ result, notices: { sentences: notices.sentences, count: notices.count } }, end)
  } catch (error) {
    const foreseen = error instanceof StorageError
    tell({ error: { reason: foreseen ? error.reason : undefined, message: foreseen ? error.message : error instanceof Error ? error.stack ?? error.message : String(error) } }, end)
  }
}

function end (): void {
  if (process.connected) process.disconnect()
}
