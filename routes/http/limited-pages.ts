/** One page of a listing, as a client asks for it with a limit. */
import type { NamePage } from '../../storage/contract.js'
import { nameAt, partOfPage } from '../../storage/name-page.js'

export interface LimitedPages {
  readonly pages: readonly NamePage[]
  /** The last name of it, when there are more behind it. */
  readonly last: string | undefined
}

/** Takes in names, of which there should be one more than the limit to know whether more follow, and gives those within it. */
export async function limitedPages (names: AsyncIterable<NamePage>, limit: number): Promise<LimitedPages> {
  const pages: NamePage[] = []
  let left = limit
  for await (const page of names) {
    if (page.count > left) {
      const part = partOfPage(page, 0, left)
      pages.push(part)
      const end = part.count > 0 ? part : pages.at(-2)
      return { pages, last: end === undefined ? undefined : nameAt(end, end.count - 1) }
    }
    pages.push(page)
    left -= page.count
  }
  return { pages, last: undefined }
}
