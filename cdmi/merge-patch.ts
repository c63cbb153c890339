/** Two ways of merging a JSON object into another: the keyed door's shallow one, and RFC 7396. Inputs are not changed. */
import type { Json, JsonObject } from '../storage/contract.js'
import { isObject } from './json-value.js'

/** Each property of `patch` replaces or adds that property (KEY-07). */
export function shallowMerge (target: JsonObject, patch: JsonObject): JsonObject {
  return { ...target, ...patch }
}

/** RFC 7396 §2: `null` removes a property, objects merge, anything else replaces. */
export function mergePatch (target: Json | undefined, patch: JsonObject): JsonObject {
  const merged: JsonObject = isObject(target) ? { ...target } : {}
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name]
    else merged[name] = isObject(value) ? mergePatch(merged[name], value) : value
  }
  return merged
}
