/** Which children of a container a listing has (COC-54, COC-57), and where that range of them is. */
import { setImmediate } from 'node:timers/promises'
import { withholdsChildren } from '../../cdmi/completion.js'
import type { Cdmi } from '../../cdmi/model.js'
import type { CdmiObject } from '../../cdmi/record.js'
import type { Entry, NamePage, StoredRecord } from '../../storage/contract.js'
import { partOfPage } from '../../storage/name-page.js'
import { clipRange, type RangeSpec } from '../http/range.js'

/** Children that are held in memory, so that one listing is of one moment as far as possible; beyond, they are counted first and then listed. */
const held = 20_000

export interface ChildList<Page> {
  /** Index of the first child listed. */
  readonly first: number
  readonly count: number
  readonly pages: AsyncIterable<Page>
}

/** How children are read: with their IDs, or their names alone. */
export interface ChildPages<Page> {
  read (container: Pick<StoredRecord, 'id'>, limit: number | undefined): AsyncIterable<Page>
  count (page: Page): number
  part (page: Page, from: number, to: number): Page
}

export const entryPages = ({ containers }: Cdmi): ChildPages<readonly Entry[]> => ({
  read: (container, limit) => containers.pages(container, { limit }),
  count: page => page.length,
  part: (page, from, to) => page.slice(from, to)
})

export const namePages = ({ containers }: Cdmi): ChildPages<NamePage> => ({
  read: (container, limit) => containers.names(container, { limit }),
  count: page => page.count,
  part: partOfPage
})

/** Children in the order of their names: an order that stays while they do (COC-54). */
export async function childList<Page> (object: CdmiObject, range: RangeSpec | undefined, children: ChildPages<Page>): Promise<ChildList<Page>> {
  const { record } = object
  if (withholdsChildren(record)) return { first: 0, count: 0, pages: partsOf([], 0, 0, children) }
  // Of "first-last" no more is counted than there is in it: a client that lists page by page would have all counted for each.
  const limit = range?.first === undefined || range.last === undefined ? undefined : range.last + 1
  const seen: Page[] = []
  let total = 0
  for await (const page of children.read(record, limit)) {
    total += children.count(page)
    if (total <= held) seen.push(page)
  }
  const { offset, length } = range === undefined ? { offset: 0, length: total } : clipRange(range, total) ?? { offset: 0, length: 0 }
  return { first: offset, count: length, pages: partsOf(total <= held ? seen : children.read(record, undefined), offset, length, children) }
}

/** The same for all children, when only their number is wanted. */
export async function countChildren (cdmi: Cdmi, container: StoredRecord): Promise<number> {
  let count = 0
  if (!withholdsChildren(container)) for await (const page of cdmi.containers.names(container, {})) count += page.count
  return count
}

/** The children from an index on, so many at the most. */
async function * partsOf<Page> (pages: AsyncIterable<Page> | Iterable<Page>, offset: number, length: number, { count, part }: ChildPages<Page>): AsyncGenerator<Page> {
  let at = 0
  for await (const page of pages) {
    // Those that are held come without having waited for anything, and others want their turn while each becomes a text.
    if (at > 0) await setImmediate()
    const size = count(page)
    if (at + size > offset && at < offset + length) yield part(page, Math.max(0, offset - at), Math.min(size, offset + length - at))
    at += size
    if (at >= offset + length) return
  }
}
