/** Where chains of parents lead. */
import { LRUCache } from 'lru-cache'
import type { ObjectID } from '../../contract.js'
import { idText } from '../../object-key.js'
import { ownerKey } from '../keys.js'
import { entryKeyOf, typeOf } from '../record-codec.js'
import type { Tables } from '../tables.js'
import { placeOf } from './raw-record.js'

export type Lineage =
  /** To an object without a parent. */
  | 'rooted'
  /** To one of the parents that have no record, of what no path leads to. */
  | 'hidden'
  /** To a container that was removed: all below it goes in the background. */
  | 'pruned'
  /** The parent is gone. */
  | 'lost'
  /** Back to the object itself. */
  | 'cycle'
  /** Something above is lost, or in a cycle: that is found there. */
  | 'below'

/** How IDs of parents begin that have no record: see `hiddenID`. */
const hidden = 0xff
/** Containers that are known to be well; forgotten ones are looked up again. */
const most = 10_000
/** Names of a path that is shown. */
const longest = 1000

export class Lineages {
  readonly #tables: Tables
  readonly #rooted = new LRUCache<ObjectID, true>({ max: most })

  constructor (tables: Tables) {
    this.#tables = tables
  }

  /** Containers that were known may have been moved. */
  forget (): void {
    this.#rooted.clear()
  }

  /** Of an object with this parent. */
  of (id: Buffer, parent: Buffer): Lineage {
    const { records, orphans } = this.#tables
    const walked = new Set<ObjectID>([idText(id)])
    for (let at = parent; ;) {
      const text = idText(at)
      if (this.#rooted.has(text)) break
      if (walked.has(text)) return text === idText(id) ? 'cycle' : 'below'
      const bytes = records.getBinaryFast(at)
      if (bytes === undefined) {
        if (orphans.getBinaryFast(ownerKey(at)) !== undefined) return 'pruned'
        if (at[0] === hidden) return 'hidden'
        return at === parent ? 'lost' : 'below'
      }
      walked.add(text)
      const place = placeOf(entryKeyOf(bytes))
      if (place === undefined) break
      at = place.parent
    }
    walked.delete(idText(id))
    for (const text of walked) this.#rooted.set(text, true)
    return 'rooted'
  }

  /** The CDMI path; undefined where none leads to the object. */
  path (id: Buffer): { readonly path?: string } {
    const { records } = this.#tables
    const names: string[] = []
    let slash = ''
    for (let at = id; names.length < longest;) {
      const bytes = records.getBinaryFast(at)
      if (bytes === undefined) return {}
      if (at === id && 'ck'.includes(String.fromCharCode(typeOf(bytes)))) slash = '/'
      const place = placeOf(entryKeyOf(bytes))
      if (place === undefined) return names.length > 0 ? { path: `/${names.reverse().map(encodeURIComponent).join('/')}${slash}` } : slash === '' ? {} : { path: '/' }
      names.push(place.name.toWellFormed())
      at = place.parent
    }
    return {}
  }
}
