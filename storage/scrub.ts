/**
 * The scrub: reads every blob that an object needs, again and again, slowly, and compares it with what was noted at its birth. Where it is, is noted from
 * time to time, so that a pass that takes days goes on after a restart. Of many processes that have the same store one is at it.
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
  /** What was noted last, for who is to go on from there; `untouched` when nothing was. Undefined: another process is at it. */
  claim (): Promise<ScrubNote | undefined>
  /** False: another process has taken this one for dead, and goes on from what was noted before. */
  save (note: ScrubNote): Promise<boolean>
  /** Others may go on at once. */
  release (): Promise<void>
  report (error: unknown): void
  /** Milliseconds before the first look after a start, between two passes, between two notes, between two looks whether another process is still at it, and after a failure. For tests. */
  readonly pauses?: Partial<typeof pauses> | undefined
}

export interface Scrub {
  /** Ends it; what it reads is let go of. */
  stop (): Promise<void>
}

/** Who has noted nothing for this long is dead, in milliseconds. */
export const scrubTimeout = 300_000
const pauses = { start: 60_000, pass: 86_400_000, note: 60_000, look: 60_000, failure: 600_000 }
const page = 100

/** Nothing was read yet. */
export const untouched: ScrubNote = { began: undefined, blobs: 0, bytes: 0, damaged: 0, last: undefined, after: null }

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

/** For those who only want to see it. */
export function withoutPlace ({ began, blobs, bytes, damaged, last }: ScrubNote): ScrubState {
  return { began, blobs, bytes, damaged, last }
}

class Overtaken extends Error {}

async function run (parts: ScrubParts, signal: AbortSignal): Promise<void> {
  const waits = { ...pauses, ...parts.pauses }
  const wait = async (milliseconds: number): Promise<void> => { await delay(milliseconds, undefined, { signal, ref: false }) }
  await wait(waits.start)
  for (;;) {
    try {
      const note = await parts.claim()
      if (note === undefined) await wait(waits.look)
      else if (note.began === undefined && note.last !== undefined && isRecent(note.last.ended, waits.pass)) await wait(Math.min(waits.look, note.last.ended + waits.pass - Date.now()))
      else await new Pass(parts, note, wait, waits.note).run()
    } catch (error) {
      if (signal.aborted) break
      if (error instanceof Overtaken) continue
      parts.report(error)
      await wait(waits.failure).catch(() => {})
    }
    if (signal.aborted) break
  }
  await parts.release()
}

/** What seems to have ended long after now has ended while the clock was wrong: nobody waits for that. */
function isRecent (ended: number, pass: number): boolean {
  return Math.abs(Date.now() - ended) < pass
}

/** One pass, from where the last one was left. */
class Pass {
  readonly #parts: ScrubParts
  readonly #wait: (milliseconds: number) => Promise<void>
  readonly #noteEvery: number
  #note: ScrubNote
  #noted = performance.now()
  #due = performance.now()

  constructor (parts: ScrubParts, before: ScrubNote, wait: (milliseconds: number) => Promise<void>, noteEvery: number) {
    this.#parts = parts
    this.#wait = wait
    this.#noteEvery = noteEvery
    this.#note = before.began === undefined ? { ...untouched, began: Date.now(), last: before.last } : before
  }

  async run (): Promise<void> {
    for (;;) {
      const births = await this.#parts.births(this.#note.after ?? undefined, page)
      for (const birth of births) await this.#one(birth)
      if (births.length < page) break
    }
    const { blobs, bytes, damaged } = this.#note
    await this.#save({ ...this.#note, began: undefined, after: null, last: { ended: Date.now(), blobs, bytes, damaged } })
  }

  async #one (birth: BlobBirth): Promise<void> {
    let { bytes, damaged } = this.#note
    try {
      for await (const chunk of this.#parts.read(birth)) {
        bytes += chunk.length
        await this.#pace(chunk.length)
      }
    } catch (error) {
      if (!(error instanceof StorageError && (error.reason === 'corrupt' || error.reason === 'missing'))) throw error
      if (await this.#parts.isNeeded(birth)) {
        damaged++
        this.#parts.report(error)
      }
    }
    this.#note = { ...this.#note, after: birth.blob, blobs: this.#note.blobs + 1, bytes, damaged }
    await this.#noteInTime()
  }

  async #pace (bytes: number): Promise<void> {
    // What was lost while the machine slept is not made up for.
    this.#due = Math.max(this.#due, performance.now() - 1000) + bytes / this.#parts.rate * 1000
    for (let left = this.#due - performance.now(); left > 0; left = this.#due - performance.now()) {
      await this.#wait(Math.min(left, pauses.note))
      await this.#noteInTime()
    }
  }

  /** In the middle of a long blob, too: others are to see that this process lives. */
  async #noteInTime (): Promise<void> {
    if (performance.now() - this.#noted >= this.#noteEvery) await this.#save(this.#note)
  }

  async #save (note: ScrubNote): Promise<void> {
    if (!await this.#parts.save(note)) throw new Overtaken()
    this.#noted = performance.now()
  }
}
