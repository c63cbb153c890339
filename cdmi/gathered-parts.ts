/** The parts of one request on their way into a value: however many there are, memory holds few of them, and the store gets few blobs. */
import type { BlobBirth, Segment, Store } from '../storage/contract.js'
import { InvalidRange } from './errors.js'
import { mostRanges } from './partial-upload.js'
import { packParts, type PlacedPart } from './place-parts.js'
import type { Staging } from './staging.js'
import type { StagedValue } from './values.js'

/** Bytes of small parts that memory holds. */
const mostLoose = 1024 * 1024

/** Small parts that follow each other, as one. */
interface Run {
  readonly at: number
  readonly bytes: Buffer
  size: number
  utf8: boolean
}

/** A stored part, to which others that follow it are added. */
interface Stored {
  readonly at: number
  size: number
  readonly segments: Segment[]
  readonly births: BlobBirth[]
  utf8: boolean
}

export class GatheredParts {
  readonly #store: Pick<Store, 'inlineLimit'>
  readonly #staging: Staging
  readonly #joins: boolean
  readonly #stored: Stored[] = []
  /** Behind those that are stored. */
  #loose: PlacedPart[] = []
  #looseBytes = 0
  #run: Run | undefined

  /** `joins`: parts that follow each other may become one, since nobody counts them. */
  constructor (store: Pick<Store, 'inlineLimit'>, staging: Staging, joins: boolean) {
    this.#store = store
    this.#staging = staging
    this.#joins = joins
  }

  /** Throws InvalidRange for more parts than one request may have. */
  async add (at: number, staged: StagedValue): Promise<void> {
    const { inline, size } = staged
    if (size === 0) return
    if (inline === undefined || !this.#joins) {
      await this.#endRun()
      // A copy: it may be a piece of a chunk that is much longer.
      return await this.#push({ at, staged: inline === undefined ? staged : { ...staged, inline: Uint8Array.from(inline) } })
    }
    let run = this.#run
    if (run === undefined || run.at + run.size !== at || run.size + size > run.bytes.length) {
      await this.#endRun()
      run = this.#run = { at, bytes: Buffer.allocUnsafe(this.#store.inlineLimit), size: 0, utf8: true }
    }
    run.bytes.set(inline, run.size)
    run.size += size
    run.utf8 &&= staged.utf8 === true
  }

  /** All that were added, in their order. */
  async parts (): Promise<readonly PlacedPart[]> {
    await this.#endRun()
    return [...this.#stored.map(({ at, size, segments, births, utf8 }) => ({ at, staged: { size, inline: undefined, segments, births, utf8 } })), ...this.#loose]
  }

  async #endRun (): Promise<void> {
    const run = this.#run
    this.#run = undefined
    if (run === undefined) return
    const { at, bytes, size, utf8 } = run
    await this.#push({ at, staged: { size, inline: Uint8Array.from(bytes.subarray(0, size)), segments: [], births: [], utf8 } })
  }

  async #push (part: PlacedPart): Promise<void> {
    this.#loose.push(part)
    if (part.staged.inline !== undefined) this.#looseBytes += part.staged.size
    if (this.#looseBytes > mostLoose || part.staged.inline === undefined) {
      for (const one of await packParts(this.#staging, this.#loose)) this.#keep(one)
      this.#loose = []
      this.#looseBytes = 0
    }
    if (this.#stored.length + this.#loose.length > mostRanges) throw new InvalidRange(`A request has at most ${mostRanges} parts that are to be kept apart; send fewer and longer ones, or more requests`)
  }

  #keep ({ at, staged: { size, segments, births, utf8 } }: PlacedPart): void {
    const last = this.#stored.at(-1)
    if (!this.#joins || last === undefined || last.at + last.size !== at) {
      this.#stored.push({ at, size, segments: [...segments], births: [...births], utf8: utf8 === true })
      return
    }
    for (const segment of segments) {
      const next = { ...segment, offset: segment.offset + last.size }
      const before = last.segments.at(-1)
      if (before !== undefined && before.blob === next.blob && before.offset + before.length === next.offset && before.blobOffset + before.length === next.blobOffset) {
        last.segments[last.segments.length - 1] = { ...before, length: before.length + next.length }
      } else last.segments.push(next)
    }
    last.births.push(...births)
    last.size += size
    last.utf8 &&= utf8 === true
  }
}
