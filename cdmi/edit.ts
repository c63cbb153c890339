/** Differences between JSON objects, kept until they are to be made (PUP-14). Pure code. */
import { isDeepStrictEqual } from 'node:util'
import type { JsonObject } from '../storage/contract.js'

/** What to set, and what to take away. */
export interface Edit {
  readonly set: JsonObject
  readonly removed: readonly string[]
}

/** What makes `after` of `before`. */
export function editBetween (before: JsonObject, after: JsonObject): Edit {
  return {
    set: Object.fromEntries(Object.entries(after).filter(([name, value]) => !Object.hasOwn(before, name) || !isDeepStrictEqual(before[name], value))),
    removed: Object.keys(before).filter(name => !Object.hasOwn(after, name))
  }
}

export function applyEdit (before: JsonObject, edit: Edit | undefined): JsonObject {
  if (edit === undefined) return before
  const kept = Object.entries(before).filter(([name]) => !edit.removed.includes(name))
  return { ...Object.fromEntries(kept), ...edit.set }
}
