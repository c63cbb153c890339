/** Pages of names that were read before: what polls a container, or walks through it again, has them without a step for each name. */
import type { NamePage } from '../contract.js'
import type { EntryRange } from './name-scan.js'

/** Bytes of all pages together. Who makes text of pages may keep several times as much with each. */
const mostBytes = 4 * 1024 * 1024
/** Shorter pages are read faster than they are kept. */
const fewNames = 200

interface Kept {
  readonly page: NamePage
  readonly mark: number
}

export class NameCache {
  /** In the order of their last use. */
  readonly #kept = new Map<string, Kept>()
  #bytes = 0

  /** The page of a range. `mark`: of its parent, in the snapshot of the caller, in which `read` reads. */
  page (range: EntryRange, mark: number, read: () => NamePage): NamePage {
    const key = `${range.limit} ${range.start.toString('latin1')}\n${range.end.toString('latin1')}`
    const kept = this.#kept.get(key)
    if (kept !== undefined) this.#drop(key, kept)
    const page = kept?.mark === mark ? kept.page : read()
    if (page.count >= fewNames) this.#keep(key, { page, mark })
    return page
  }

  #keep (key: string, kept: Kept): void {
    this.#kept.set(key, kept)
    this.#bytes += sizeOf(key, kept)
    for (const [oldest, other] of this.#kept) {
      if (this.#bytes <= mostBytes) return
      this.#drop(oldest, other)
    }
  }

  #drop (key: string, kept: Kept): void {
    this.#kept.delete(key)
    this.#bytes -= sizeOf(key, kept)
  }
}

function sizeOf (key: string, { page }: Kept): number {
  return key.length + page.bytes.byteLength + page.ends.byteLength + page.types.byteLength
}
