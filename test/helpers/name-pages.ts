/** Names of pages, to compare them. */
import type { NamePage } from '../../storage/contract.js'
import { nameAt } from '../../storage/name-page.js'

export function textsOf (page: NamePage): string[] {
  return Array.from({ length: page.count }, (_, index) => nameAt(page, index))
}
