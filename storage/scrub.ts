/**
 * The scrub: reads every blob that an object needs, again and again, slowly, and compares it with what was noted at its birth. Where it is, is noted from
 * time to time, so that a pass that takes days goes on after a restart.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type BlobBirth, type BlobID, type ScrubState, StorageError } from './contract.js'

/** As it is noted. */
export interface ScrubNote extends ScrubState {
  /** The last blob that was read. */
  readonly after: BlobID | null
}

export interface ScrubParts {
  /** Bytes in a second, on average. */
  readonly rate: number
  /** Blobs that objects need, in the order of their names. */
  births (after: BlobID | undefined, limit: number): Promise<BlobBirth[]>
  /** Reads the bytes of a blob; throws a StorageError 'missing' or 'corrupt'. */
  read (birth: BlobBirth): AsyncIterable<Uint8Array>
  /** Whether it is still needed: what is removed meanwhile is no damage. */
  isNeeded (birth: BlobBirth): Promise<boolean>
  load (): ScrubNote | undefined
  save (note: ScrubNote): Promise<void>
  report (error: unknown): void
  /** Milliseconds before the first blob after a start, between two passes, between two notes, and after a failure. For tests. */
  readonly pauses?: Partial<typeof pauses>
}

export interface Scrub {
  /** Ends it; what it reads is let go of. */
  stop (): Promise<void>
}

const pauses = { start: 60_000, pass: 86_400_000, note: 60_000, failure: 600_000 }
const page = 100
const fresh: ScrubNote = { began: undefined, blobs: 0, bytes: 0, damaged: 0, last: undefined, after: null }

/** Reads in the background, without keeping the process alive. */
export function scrubSlowly (parts: ScrubParts): Scrub {
  const stop = new AbortController()
  const running = run(parts, stop.signal).catch((error: unknown) => { if (!stop.signal.aborted) parts.report(error) })
  return {
    async stop () {
      stop.abort()
      await running
    }
  }
}

async function run (parts: ScrubParts, signal: AbortSignal): Promise<void> {
  const waits = { ...pauses, ...parts.pauses }
  const wait = async (milliseconds: number): Promise<void> => { await delay(milliseconds, undefined, { signal, ref: false }) }
  await wait(waits.start)
  for (;;) {
    try {
      const { began, last } = parts.load() ?? fresh
      if (began === undefined && last !== undefined) await wait(Math.max(0, Math.min(waits.pass, last.ended + waits.pass - Date.now())))
      await pass(parts, wait, waits.note)
    } catch (error) {
      if (signal.aborted) return
      parts.report(error)
      await wait(waits.failure)
    }
  }
}

/** One pass, from where the last one was left. */
async function pass (parts: ScrubParts, wait: (milliseconds: number) => Promise<void>, noteEvery: number): Promise<void> {
  const before = parts.load() ?? fresh
  let note: ScrubNote = before.began === undefined ? { ...fresh, began: Date.now(), last: before.last } : before
  let noted = performance.now()
  let due = performance.now()
  for (;;) {
    const births = await parts.births(note.after ?? undefined, page)
    for (const birth of births) {
      let { bytes, damaged } = note
      try {
        for await (const chunk of parts.read(birth)) {
          bytes += chunk.length
          // What was lost while the machine slept is not made up for.
          due = Math.max(due, performance.now() - 1000) + chunk.length / parts.rate * 1000
          if (due > performance.now()) await wait(due - performance.now())
        }
      } catch (error) {
        if (!(error instanceof StorageError && (error.reason === 'corrupt' || error.reason === 'missing'))) throw error
        if (await parts.isNeeded(birth)) {
          damaged++
          parts.report(error)
        }
      }
      note = { ...note, after: birth.blob, blobs: note.blobs + 1, bytes, damaged }
      if (performance.now() - noted < noteEvery) continue
      await parts.save(note)
      noted = performance.now()
    }
    if (births.length < page) break
  }
  const { blobs, bytes, damaged } = note
  await parts.save({ ...note, began: undefined, after: null, last: { ended: Date.now(), blobs, bytes, damaged } })
}
