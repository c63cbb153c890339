/** `?limit=&after=&prefix=` of plain listings. */
import { InvalidRequest } from '../../cdmi/errors.js'
import { type Static, Type } from '../../schemas/typebox.js'

/** Most children of a page that was asked for with `limit`. Without a limit all come, streamed. */
export const maxPage = 10_000

/** For the OpenAPI document. What does not fit is refused by `parseListingQuery`, in words. */
export const ListingQueryString = Type.Object({
  limit: Type.Optional(Type.String({ description: `Most children to list; above ${maxPage} counts as ${maxPage}. A \`Link\` header leads to the next page. Default: all.` })),
  after: Type.Optional(Type.String({ description: 'List only names after this one, in the order of their UTF-8 bytes.' })),
  prefix: Type.Optional(Type.String({ description: 'List only names that begin with this.' }))
})
export type ListingQueryString = Static<typeof ListingQueryString>

export interface ListingQuery {
  readonly limit: number | undefined
  readonly after: string | undefined
  readonly prefix: string | undefined
}

/** Reads the query that the framework has parsed. Other fields are ignored. Throws InvalidRequest. */
export function parseListingQuery (query: unknown): ListingQuery {
  const limit = single(query, 'limit')
  if (limit !== undefined && !/^[1-9]\d{0,14}$/.test(limit)) throw new InvalidRequest('"limit" must be a whole number, 1 or more')
  return {
    limit: limit === undefined ? undefined : Math.min(Number(limit), maxPage),
    // Listings show containers with a slash, references with a question mark; who pages by them may leave it on.
    after: single(query, 'after')?.replace(/\/?\??$/, ''),
    prefix: single(query, 'prefix')
  }
}

/** A relative reference to the page after the one that ended with `last`. */
export function nextQuery ({ limit, prefix }: ListingQuery, last: string): string {
  return `?limit=${limit}&after=${encodeURIComponent(last)}` + (prefix === undefined ? '' : `&prefix=${encodeURIComponent(prefix)}`)
}

function single (query: unknown, name: string): string | undefined {
  if (typeof query !== 'object' || query === null || !Object.hasOwn(query, name)) return undefined
  const value: unknown = (query as Record<string, unknown>)[name]
  if (typeof value !== 'string') throw new InvalidRequest(`"${name}" is given more than once`)
  return value.toWellFormed()
}
