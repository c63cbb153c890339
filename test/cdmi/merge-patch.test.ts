import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { mergePatch, shallowMerge } from '../../cdmi/merge-patch.js'
import { isObject } from '../../cdmi/json-value.js'
import type { Json, JsonObject } from '../../storage/contract.js'

const name = fc.constantFrom('a', 'b', 'c', 'constructor', 'toString', 'valueOf', '')
const scalar = fc.oneof(fc.constant(null), fc.boolean(), fc.integer(), fc.constantFrom('x', ''))
const json = fc.letrec<{ json: Json, object: JsonObject }>(tie => ({
  json: fc.oneof({ depthSize: 'small' }, scalar, tie('object'), fc.array(scalar, { maxLength: 2 })),
  object: fc.dictionary(name, tie('json'), { maxKeys: 4, noNullPrototype: true }).map(object => object as JsonObject)
}))

/** The pseudocode of RFC 7396 §2. */
function applied (target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch
  const result = new Map(isObject(target) ? Object.entries(target) : [])
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name)
    else result.set(name, applied(result.get(name), value))
  }
  return Object.fromEntries(result)
}

t.test('KEY-07: any patch merges as RFC 7396 has it, and changes neither of what it was given', async () => {
  fc.assert(fc.property(json.object, json.object, (target, patch) => {
    const before = structuredClone([target, patch])
    return isDeepStrictEqual(mergePatch(target, patch), applied(target, patch)) && isDeepStrictEqual([target, patch], before)
  }), { numRuns: 400 })
})

t.test('KEY-07: to merge the same again changes nothing, deep or shallow; and a shallow merge has each property of the one that came last', async () => {
  fc.assert(fc.property(json.object, json.object, (target, patch) => {
    const [deep, shallow] = [mergePatch(target, patch), shallowMerge(target, patch)]
    return isDeepStrictEqual(mergePatch(deep, patch), deep) && isDeepStrictEqual(shallowMerge(shallow, patch), shallow) &&
      Object.keys(shallow).every(name => isDeepStrictEqual(shallow[name], Object.hasOwn(patch, name) ? patch[name] : target[name]))
  }))
})
