/** Events of the change log as they stand in its table: text of JSON. */
import { type JsonObject, type Sequence, StorageError } from '../contract.js'

/** Undefined: it is not the text of an event. */
export function readEvent (text: string): JsonObject | undefined {
  try {
    const event: unknown = JSON.parse(text)
    return typeof event === 'object' && event !== null && !Array.isArray(event) ? event as JsonObject : undefined
  } catch {
    return undefined
  }
}

/** Throws a StorageError 'corrupt' when it is not the text of an event. */
export function openEvent (sequence: Sequence, text: string): JsonObject {
  const event = readEvent(text)
  if (event === undefined) throw new StorageError('corrupt', `Entry ${sequence} of the change log is not readable; "fastify-cdmi repair" sets it aside`)
  return event
}
