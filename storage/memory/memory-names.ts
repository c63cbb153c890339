/** Children of each container of a store in memory, sorted by the bytes of their names. */
import type { ChildrenQuery, Entry, ObjectID, StoredRecord } from '../contract.js'

export interface Child { readonly bytes: Buffer, readonly entry: Entry }

export class MemoryNames {
  readonly #children = new Map<ObjectID, Child[]>()

  of (container: ObjectID): readonly Child[] {
    return this.#children.get(container) ?? []
  }

  find (parentID: ObjectID, name: string): Entry | undefined {
    const list = this.of(parentID)
    const bytes = Buffer.from(name)
    const child = list[position(list, bytes, false)]
    return child?.bytes.equals(bytes) === true ? child.entry : undefined
  }

  page (container: ObjectID, { after, prefix, limit }: ChildrenQuery): Child[] {
    const list = this.of(container)
    const start = Buffer.from(prefix ?? '')
    const from = Math.max(after === undefined ? 0 : position(list, Buffer.from(after), true), prefix === undefined ? 0 : position(list, start, false))
    const page: Child[] = []
    for (let at = from; at < list.length && page.length < limit; at++) {
      const child = list[at]
      if (child === undefined || !child.bytes.subarray(0, start.length).equals(start)) break
      page.push(child)
    }
    return page
  }

  /** A record without a place has no name. */
  link ({ id, type, parentID, name }: StoredRecord): void {
    if (parentID === undefined || name === undefined) return
    const list = this.#children.get(parentID) ?? []
    const bytes = Buffer.from(name)
    const at = position(list, bytes, false)
    // Another record of the same change may still have the name: it is leaving it.
    list.splice(at, list[at]?.bytes.equals(bytes) === true ? 1 : 0, { bytes, entry: { name, id, type } })
    this.#children.set(parentID, list)
  }

  /** Unless the name leads to another one. */
  unlink ({ parentID, name, id }: StoredRecord): void {
    if (parentID === undefined || name === undefined || this.find(parentID, name)?.id !== id) return
    const list = this.#children.get(parentID) ?? []
    list.splice(position(list, Buffer.from(name), false), 1)
  }

  /** Nothing is left in it. */
  forget (container: ObjectID): void {
    this.#children.delete(container)
  }
}

/** Index of the first child whose name is not below `name` (`past`: above it). */
function position (list: readonly Child[], name: Buffer, past: boolean): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const order = list[middle]?.bytes.compare(name) ?? 1
    if (order < 0 || (past && order === 0)) low = middle + 1
    else high = middle
  }
  return low
}
