/** `GET /data`: the keys, whole as a stream or in pages (KEY-01). */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { NotModified } from '../../cdmi/errors.js'
import type { ListQuery } from '../../cdmi/name-pages.js'
import { preconditionsOf } from '../http/conditional.js'
import { limitedPages } from '../http/limited-pages.js'
import { jsonNames } from '../http/name-text.js'
import { sendNames } from '../http/send-names.js'
import { listQueryOf, pathOf } from './target.js'

export const jsonType = 'application/json; charset=utf-8'

/** The list handler. */
export async function list (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { cdmi } = request.server
  const url = request.raw.url ?? ''
  const query = listQueryOf(searchOf(url))
  const tag = await cdmi.keyed.listTag(request.principal)
  reply.header('etag', tag)
  const conditions = preconditionsOf(request.headers)?.ifNoneMatch
  if (conditions === '*' || conditions?.includes(tag) === true) throw new NotModified()
  reply.header('content-type', jsonType)

  const { limit } = query
  const headOnly = request.method === 'HEAD'
  if (headOnly && limit === undefined) return reply.send()
  const keys = await cdmi.keyed.list(request.principal, limit === undefined ? query : { ...query, limit: limit + 1 })
  const { pages, last } = limit === undefined ? { pages: keys, last: undefined } : await limitedPages(keys, limit)
  if (last !== undefined) reply.header('link', `<${nextPage(pathOf(url), query, last)}>; rel="next"`)
  return headOnly ? reply.send() : await sendNames(reply, { head: '[', pages, write: jsonNames(), tail: ']' })
}

function nextPage (path: string, { prefix, limit }: ListQuery, after: string): string {
  const parameters = [`limit=${limit}`, `after=${encodeURIComponent(after)}`]
  if (prefix !== undefined) parameters.unshift(`prefix=${encodeURIComponent(prefix)}`)
  return `${path}?${parameters.join('&')}`
}

function searchOf (url: string): string {
  const mark = url.indexOf('?')
  return mark < 0 ? '' : url.slice(mark + 1)
}
