/** What the writer of an object gets: of a new one everything but its value (DOC-40, COC-21, COC-88), of a changed one nothing (DOC-70). */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Written } from '../../cdmi/data-object-change.js'
import { entityTag } from '../../cdmi/preconditions.js'
import { andThen } from '../../cdmi/ready.js'
import { isContainer } from '../../cdmi/record.js'
import { fieldsOf, objectTypes } from '../../cdmi/representation.js'
import type { JsonObject } from '../../storage/contract.js'
import { locationOf } from '../http/location.js'
import { negotiateForm } from './media-types.js'
import { objectText } from './object-writer.js'
import { rootPlace } from './request.js'
import { cdmiHeaders, sendText } from './send-object.js'

/** An answer that nobody wants to read is refused before anything is done (COC-20). Throws NotAcceptable. */
export function requireAcceptable (request: FastifyRequest, kind: 'object' | 'container'): void {
  negotiateForm(request.headers.accept, request.cdmiVersion !== undefined, { kind, mixed: false, plain: [] })
}

/** At once where nothing is to be waited for. `more`: fields beside those that every object has. */
export function answerWritten (request: FastifyRequest, reply: FastifyReply, { object, created, pending }: Written, more: JsonObject = {}): FastifyReply | Promise<FastifyReply> {
  if (!created) return reply.code(pending === true ? 202 : 204).header('etag', entityTag(object.record)).send()
  reply.code(pending === true ? 202 : 201).header('location', locationOf(request, object))
  cdmiHeaders(reply, isContainer(object.record) ? objectTypes.container : objectTypes.dataobject, object.record)
  return andThen(request.server.cdmi.known(object), known =>
    andThen(objectText({ ...fieldsOf(object, rootPlace(request), known), ...more }), text => sendText(reply, text, false)))
}
