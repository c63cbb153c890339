/** JSON texts from outside: parsed with limits, so that no document can hurt the process or its readers. */
import secureJson from 'secure-json-parse'
import type { Json, JsonObject } from '../storage/contract.js'
import { InvalidJson } from './errors.js'

/** Deepest nesting of arrays and objects that is taken. Far beyond real documents, far below what a stack holds. */
export const maxJsonDepth = 512

const quote = 0x22
const backslash = 0x5c

/** Depth of nesting of a JSON text, found without recursion. Stops counting once it is beyond `limit`. */
function depthBeyond (bytes: Uint8Array, limit: number): boolean {
  let depth = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === quote) {
      for (at++; at < bytes.length && bytes[at] !== quote; at++) if (bytes[at] === backslash) at++
    } else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > limit) return true
    } else if (byte === 0x7d || byte === 0x5d) depth--
  }
  return false
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/** Parses a whole JSON text. Throws InvalidJson with a sentence that says what is wrong. */
export function parseJson (bytes: Uint8Array): Json {
  if (bytes.length === 0) throw new InvalidJson('The body is empty; JSON is expected')
  if (bytes.length > maxJsonDepth && depthBeyond(bytes, maxJsonDepth)) throw new InvalidJson(`The JSON is nested more than ${maxJsonDepth} levels deep`)
  let text
  try {
    text = decoder.decode(bytes)
  } catch {
    throw new InvalidJson('The JSON is not valid UTF-8')
  }
  try {
    return secureJson.parse(text, null, { protoAction: 'error', constructorAction: 'error' }) as Json
  } catch (error) {
    const reason = error instanceof Error ? error.message : ''
    throw new InvalidJson(/forbidden prototype/i.test(reason)
      ? 'The JSON has a key "__proto__" or "constructor.prototype", which is refused'
      : 'The body is not valid JSON')
  }
}

export function isObject (value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
