/** Answers in CDMI's JSON: their headers, in one piece when small (CLI-07). */
import type { FastifyReply } from 'fastify'
import { entityTag } from '../../cdmi/preconditions.js'
import type { StoredRecord } from '../../storage/contract.js'
import { LentStream, sendStream } from '../http/send-content.js'
import { addVary } from '../plain/representation.js'
import type { ObjectText } from './object-writer.js'

/** `record`: whose version the answer shows; undefined for objects that have none. */
export function cdmiHeaders (reply: FastifyReply, type: string, record: StoredRecord | undefined): void {
  reply.header('content-type', type)
  reply.header('x-content-type-options', 'nosniff')
  // Beside the version of the object it shows what is inherited, and who asks decides what: nothing for a cache to keep.
  reply.header('cache-control', 'no-store')
  addVary(reply, 'Accept')
  if (record !== undefined) reply.header('etag', entityTag(record))
}

/** At once where all of it is there. */
export function sendText (reply: FastifyReply, text: ObjectText, headOnly: boolean): FastifyReply | Promise<FastifyReply> {
  if (text.length !== undefined) reply.header('content-length', String(text.length))
  if (headOnly) return reply.send()
  if (text.body !== undefined) return reply.send(text.body)
  return LentStream.of(text.stream(), text.length ?? Infinity).then(stream => sendStream(reply, stream))
}
