/** Bodies of requests as sources of values. */
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { IncompleteBody } from '../../cdmi/errors.js'
import type { ValueSource } from '../../cdmi/values.js'

/**
 * The body of a request, read as it is asked for (back-pressure). A connection that is lost before its end is IncompleteBody.
 * Whoever stops early leaves the stream usable: what is left of the body may still be drained.
 */
export async function * bodyOf (body: Readable): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body.iterator({ destroyOnReturn: false })) yield chunk as Uint8Array
  } catch {
    throw new IncompleteBody('The connection was lost before the end of the body; nothing was stored')
  }
}

/** Bytes that the client has announced; undefined for chunked bodies. The HTTP parser sees to it that not one more comes. */
export function announcedLength (request: IncomingMessage): number | undefined {
  const length = request.headers['content-length']
  return length === undefined ? undefined : Number(length)
}

/** Reads a body that must be empty; false at its first byte. */
export async function isEmpty (source: ValueSource): Promise<boolean> {
  for await (const chunk of source) {
    if (chunk.length > 0) return false
  }
  return true
}
