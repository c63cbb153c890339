/** The names of children, page by page, as listings want them. */
import { setImmediate } from 'node:timers/promises'
import type { MetaStore, NamePage, ObjectID } from '../storage/contract.js'
import { nameAt, namesOfType } from '../storage/name-page.js'

export interface ListQuery {
  /** Only names after this one, in the order of their UTF-8 bytes. */
  readonly after?: string | undefined
  /** Only names that begin with this. */
  readonly prefix?: string | undefined
  /** At most so many; undefined: all. */
  readonly limit?: number | undefined
}

export interface NamesQuery extends ListQuery {
  /** Only names of objects of this type; undefined: of all. */
  readonly type?: string | undefined
}

/** Each page is of one moment and has names; memory holds one page. */
export async function * namePages (meta: Pick<MetaStore, 'names'>, container: ObjectID, { after, prefix, limit = Infinity, type }: NamesQuery): AsyncGenerator<NamePage> {
  let left = limit
  while (left > 0) {
    const page = await meta.names(container, { after, prefix, limit: left })
    const wanted = type === undefined ? page : namesOfType(page, type)
    if (wanted.count > 0) yield wanted
    if (!page.more) return
    left -= wanted.count
    after = nameAt(page, page.count - 1)
    // A store may answer without having waited for anything, and others want their turn.
    await setImmediate()
  }
}
