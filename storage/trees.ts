/**
 * Which trees an object lies in: containers that have an account of all that is below them. That is where its place says, so nothing of it is written down with the
 * objects, and a walk up finds it. What is left below a removed container waits to be removed; what trees it was in is kept with the container's ID until then.
 */
import type { ObjectID } from './contract.js'
import { containerType, type Counted, type Deltas, helperTypes } from './usage.js'

/** What a walk asks of a store. */
export interface TreePlaces {
  isTree (id: ObjectID): boolean
  /** Of a container that is there. */
  parentOf (container: ObjectID): ObjectID | undefined
  /** The trees of a removed container below which there may still be something; undefined: it is none. */
  leftOf (container: ObjectID): readonly ObjectID[] | undefined
}

/** A record as it is counted. */
export interface Member extends Counted {
  readonly id: ObjectID
  /** Of a helper, the trees that it names. */
  within (): readonly ObjectID[]
}

export class TreeWalk {
  readonly #places: TreePlaces
  readonly #known = new Map<ObjectID, readonly ObjectID[]>()

  constructor (places: TreePlaces) {
    this.#places = places
  }

  /** From the top down, the container itself included. */
  of (container: ObjectID): readonly ObjectID[] {
    const unknown = new Set<ObjectID>()
    let found: readonly ObjectID[] = []
    for (let at: ObjectID | undefined = container; at !== undefined; at = this.#places.parentOf(at)) {
      const known = this.#known.get(at)
      if (known !== undefined) {
        found = known
        break
      }
      // A ring of containers, of a store that is damaged.
      if (unknown.has(at)) break
      unknown.add(at)
    }
    for (const at of [...unknown].reverse()) {
      found = this.#places.leftOf(at) ?? (this.#places.isTree(at) ? [...found, at] : found)
      this.#known.set(at, found)
    }
    return found
  }

  /** Those that an object counts for. */
  ofMember ({ id, type, parentID, within }: Member): readonly ObjectID[] {
    if (helperTypes.includes(type)) return within().filter(tree => this.#places.isTree(tree))
    const above = parentID === undefined ? [] : this.of(parentID)
    return type === containerType && this.#places.isTree(id) ? [...above, id] : above
  }

  forget (container: ObjectID): void {
    this.#known.delete(container)
  }

  clear (): void {
    this.#known.clear()
  }
}

/** The walks before a change and after it. */
export interface TreeWalks {
  readonly before: TreeWalk
  readonly after: TreeWalk
  /** Whether what becomes of an object concerns the account of a tree: those of before may still have to be counted. */
  counts (tree: ObjectID, id: ObjectID): boolean
  /** Whether a container is there, or is known to have been removed. */
  isKnown (container: ObjectID): boolean
}

/** Adds what becomes of one record to the accounts of trees. A container that would leave its trees is noted as bound. */
export function countInTrees (deltas: Deltas, walks: TreeWalks, before: Member | undefined, after: Member | undefined): void {
  const [left, got] = [before === undefined ? [] : walks.before.ofMember(before), after === undefined ? [] : walks.after.ofMember(after)]
  for (const tree of left) if (walks.counts(tree, before?.id ?? '')) deltas.within(tree, before, undefined)
  for (const tree of got) if (walks.counts(tree, after?.id ?? '')) deltas.within(tree, undefined, after)
  if (before?.type !== containerType || before.parentID === undefined || after === undefined || after.parentID === before.parentID) return
  // Where the place that it leaves is damaged nobody knows its trees: it may be brought anywhere, and be counted anew.
  if (!isSame(left, got) && walks.isKnown(before.parentID)) deltas.bound ??= after.id
}

function isSame (one: readonly ObjectID[], other: readonly ObjectID[]): boolean {
  return one.length === other.length && one.every((tree, at) => tree === other[at])
}
