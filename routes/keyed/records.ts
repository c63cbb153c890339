/** `/data/{key}`: one record (KEY-02 to KEY-10). Stored bytes go out as they are. */
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { InvalidRequest } from '../../cdmi/errors.js'
import type { KeyedRecord } from '../../cdmi/keyed-records.js'
import { checkPreconditions, entityTag } from '../../cdmi/preconditions.js'
import { andThen } from '../../cdmi/ready.js'
import { preconditionsOf } from '../http/conditional.js'
import { asShortText, sendContent } from '../http/send-content.js'
import { jsonType } from './list.js'
import { checkRecordType, mergeKindOf } from './media-type.js'
import { readBody } from './read-body.js'
import { keyOf, pathOf } from './target.js'

type Handler = (request: FastifyRequest, reply: FastifyReply) => FastifyReply | Promise<FastifyReply>

/** The handlers, by method. `slashes`: how many slashes of a URL stand before its key. */
export function recordHandlers (slashes: number): Readonly<Record<'get' | 'create' | 'replace' | 'merge' | 'remove', Handler>> {
  const key = (request: FastifyRequest): string => keyOf(request.raw.url ?? '', slashes)
  return {
    // What is there already goes out at once: the promises on the way would cost a tenth of a small read.
    get (request, reply) {
      const conditions = preconditionsOf(request.headers)
      const record = request.server.cdmi.keyed.read(request.principal, key(request), conditions && (object => {
        reply.header('etag', entityTag(object.record))
        checkPreconditions(conditions, object.record, true)
      }))
      return andThen(record, found => send(request, reply, found))
    },

    async create (request, reply) {
      const name = key(request)
      const body = await recordBody(request)
      const record = await request.server.cdmi.keyed.create(request.principal, name, body, preconditionsOf(request.headers))
      reply.code(201).header('location', pathOf(request.raw.url ?? ''))
      return send(request, reply, record)
    },

    async replace (request, reply) {
      const name = key(request)
      const body = await recordBody(request)
      return send(request, reply, await request.server.cdmi.keyed.replace(request.principal, name, body, preconditionsOf(request.headers)))
    },

    async merge (request, reply) {
      const name = key(request)
      const kind = isEmpty(request) ? 'shallow' : mergeKindOf(request.headers)
      const body = await bodyOf(request)
      return send(request, reply, await request.server.cdmi.keyed.merge(request.principal, name, body, kind, preconditionsOf(request.headers)))
    },

    async remove (request, reply) {
      await request.server.cdmi.keyed.remove(request.principal, key(request), preconditionsOf(request.headers))
      return reply.code(204).send()
    }
  }
}

function send (request: FastifyRequest, reply: FastifyReply, { object, content }: KeyedRecord): FastifyReply | Promise<FastifyReply> {
  reply.header('etag', entityTag(object.record)).header('content-type', jsonType)
  if (request.method === 'HEAD') return reply.header('content-length', content.length).send()
  const { bytes } = content
  return bytes === undefined ? sendContent(reply, content) : reply.send(asShortText(bytes))
}

/** No body at all: that is a fault of its own (KEY-09), and has no type to be wrong. */
function isEmpty ({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0
}

function recordBody (request: FastifyRequest): Promise<Buffer> {
  if (!isEmpty(request)) checkRecordType(request.headers)
  return bodyOf(request)
}

/** All that a request brings is the record: a piece of one would take its place (RFC 9110 §14.4). */
function bodyOf (request: FastifyRequest): Promise<Buffer> {
  if (request.headers['content-range'] !== undefined) throw new InvalidRequest('A record is sent whole, without Content-Range; pieces of it can be written as those of a data object, at the same path below the root URI')
  const stream = request.body instanceof Readable ? request.body : request.raw
  return readBody(stream, request.headers['content-length'], request.server.cdmi.limits.json)
}
