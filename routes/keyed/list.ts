/** `GET /data`: the keys, whole as a stream or in pages (KEY-01). */
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ListQuery } from '../../cdmi/containers.js'
import { NotModified } from '../../cdmi/errors.js'
import { preconditionsOf } from '../http/conditional.js'
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

  if (query.limit !== undefined) {
    const { keys, more } = await page(request, query, query.limit)
    if (more) reply.header('link', `<${nextPage(pathOf(url), query, keys.at(-1) ?? '')}>; rel="next"`)
    return reply.send(request.method === 'HEAD' ? undefined : JSON.stringify(keys))
  }
  if (request.method === 'HEAD') return reply.send()

  // The first page comes before the head of the answer, so that a store that is away is still a 503.
  const pages = (await cdmi.keyed.list(request.principal, query))[Symbol.asyncIterator]()
  const first = await pages.next()
  if (first.done === true) return reply.send('[]')
  const second = await pages.next()
  if (second.done === true) return reply.send(JSON.stringify(first.value))
  return reply.send(Readable.from(arrayText(first.value, second.value, pages), { objectMode: false }))
}

/** The text of a JSON array, a piece for each page of keys: memory holds one page. */
async function * arrayText (first: readonly string[], second: readonly string[], rest: AsyncIterator<readonly string[]>): AsyncGenerator<string> {
  try {
    yield JSON.stringify(first).slice(0, -1)
    yield items(second)
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield items(next.value)
    yield ']'
  } finally {
    // The reader may have gone away in the middle.
    await rest.return?.()
  }
}

const items = (keys: readonly string[]): string => ',' + JSON.stringify(keys).slice(1, -1)

/** A page of at most `limit` keys, and whether there are more behind it. */
async function page (request: FastifyRequest, query: ListQuery, limit: number): Promise<{ keys: string[], more: boolean }> {
  const keys: string[] = []
  for await (const some of await request.server.cdmi.keyed.list(request.principal, { ...query, limit: limit + 1 })) keys.push(...some)
  const more = keys.length > limit
  if (more) keys.length = limit
  return { keys, more }
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
