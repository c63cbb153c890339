/** Pages of names that were read before: what polls a container, or walks through it again, has them without a step for each name. */
import { LRUCache } from 'lru-cache'
import type { NamePage } from '../contract.js'
import type { EntryRange } from './name-scan.js'

/** Bytes of all pages together. Who makes text of pages may keep several times as much with each. */
const mostBytes = 4 * 1024 * 1024
/** Shorter pages are read faster than they are kept. */
const fewNames = 200
/** What a page has beside its names, about. */
const keptBytes = 512

interface Kept {
  readonly page: NamePage
  readonly mark: number
}

export class NameCache {
  readonly #kept = new LRUCache<string, Kept>({ maxSize: mostBytes, sizeCalculation: ({ page }) => keptBytes + page.bytes.byteLength + page.ends.byteLength + page.types.byteLength })

  /** The page of a range. `mark`: of its parent, in the snapshot of the caller, in which `read` reads. */
  page (range: EntryRange, mark: number, read: () => NamePage): NamePage {
    const key = `${range.limit} ${range.start.toString('latin1')}\n${range.end.toString('latin1')}`
    const kept = this.#kept.get(key)
    if (kept?.mark === mark) return kept.page
    const page = read()
    if (page.count >= fewNames) this.#kept.set(key, { page, mark })
    else if (kept !== undefined) this.#kept.delete(key)
    return page
  }
}
