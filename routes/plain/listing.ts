/** Plain reads of containers (HCO-03, CLI-24): a page with relative links, or JSON. Both stream, one page of children in memory. */
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isContainerEntry, type Listing, shownName } from '../../cdmi/containers.js'
import { type CdmiObject, hasSlash, isReference, pathOf } from '../../cdmi/record.js'
import type { Entry } from '../../storage/contract.js'
import { preferredType } from '../http/accept.js'
import { childHref, escapeHtml, htmlHeaders, pageFoot, pageHead } from '../http/html.js'
import { cdmiPathOf } from '../http/location.js'
import { type ListingQuery, nextQuery, parseListingQuery } from './listing-query.js'
import { addVary } from './representation.js'

/** Forms in which the listing of a container can be had here. */
export const listingTypes = ['text/html', 'application/json'] as const

type Pages = AsyncIterable<readonly Entry[]> | Iterable<readonly Entry[]>

interface ContainerView {
  /** The decoded path from the root. */
  readonly path: string
  readonly object: CdmiObject
  readonly pages: Pages
  /** The query of the page after this one, when there is one. */
  readonly next: string | undefined
  readonly writable: boolean
}

/**
 * Answers GET and HEAD of a container. HTML also for clients that take anything: rclone and `wget -r` walk stores by it and cannot be
 * told to ask. JSON for those that prefer it. Throws InvalidRequest for a broken query.
 */
export async function sendContainerListing (request: FastifyRequest, reply: FastifyReply, { object }: Pick<Listing, 'object'>): Promise<void> {
  const json = preferredType(request.headers.accept, ['text/html', 'application/json']) === 'application/json'
  const { pages, next } = await window(request, object, parseListingQuery(request.query))
  addVary(reply, 'Accept')
  reply.headers(json ? jsonHeaders : htmlHeaders)
  if (next !== undefined) reply.header('link', `<${next}>; rel="next"`)
  if (request.raw.method === 'HEAD') {
    reply.send()
    return
  }
  const view = { path: readablePath(object), object, pages, next, writable: request.principal.access === 'write' }
  reply.send(Readable.from(json ? jsonChunks(view) : htmlChunks(view), { objectMode: false }))
}

const jsonHeaders: Readonly<Record<string, string>> = {
  'content-type': 'application/json; charset=utf-8',
  'x-content-type-options': 'nosniff',
  'cache-control': 'private, no-cache'
}

/** The children asked for. Only with a limit is it known beforehand whether more follow. */
async function window (request: FastifyRequest, object: CdmiObject, query: ListingQuery): Promise<{ pages: Pages, next: string | undefined }> {
  const { containers } = request.server.cdmi
  if (query.limit === undefined) return { pages: containers.pages(object.record, query), next: undefined }
  const entries: Entry[] = []
  for await (const page of containers.pages(object.record, { ...query, limit: query.limit + 1 })) entries.push(...page)
  if (entries.length <= query.limit) return { pages: [entries], next: undefined }
  entries.pop()
  return { pages: [entries], next: nextQuery(query, entries.at(-1)?.name ?? '') }
}

async function * jsonChunks ({ object, pages }: ContainerView): AsyncGenerator<string> {
  const { record } = object
  const fields = {
    objectID: record.id,
    ...(record.name === undefined ? {} : { objectName: `${record.name}/` }),
    ...(record.parentID === undefined ? {} : { parentURI: parentPath(object) })
  }
  yield JSON.stringify(fields).slice(0, -1) + ',"children":['
  let separator = ''
  for await (const page of pages) {
    let chunk = ''
    for (const entry of page) {
      chunk += separator + JSON.stringify(shownName(entry))
      separator = ','
    }
    yield chunk
  }
  yield ']}\n'
}

async function * htmlChunks ({ path, pages, next, writable, object }: ContainerView): AsyncGenerator<string> {
  yield pageHead(path)
  if (writable) yield uploadForm
  yield '<table>\n<thead><tr><th>Name</th><th>Type</th></tr></thead>\n<tbody>\n'
  if (object.ancestors.length > 0) yield '<tr><td><a href="../">../</a></td><td>container</td></tr>\n'
  for await (const page of pages) yield page.map(row).join('')
  yield '</tbody>\n</table>\n'
  if (next !== undefined) yield `<p><a rel="next" href="${escapeHtml(next)}">Next page</a></p>\n`
  yield pageFoot
}

function row (entry: Entry): string {
  const type = isReference(entry) ? 'reference' : isContainerEntry(entry) ? 'container' : 'data object'
  return `<tr><td><a href="${childHref(entry.name, hasSlash(entry))}">${escapeHtml(shownName(entry))}</a></td><td>${type}</td></tr>\n`
}

/** `./`: to this container, without the query of the page. */
const uploadForm = `<form method="post" action="./" enctype="multipart/form-data" accept-charset="utf-8">
<label>Upload files: <input type="file" name="file" multiple required></label>
<button type="submit">Upload</button>
</form>
`

function readablePath (object: CdmiObject): string {
  return decodeURIComponent(cdmiPathOf(object))
}

function parentPath ({ ancestors }: CdmiObject): string {
  const parent = ancestors.at(-1)
  return parent === undefined ? '' : pathOf({ record: parent, ancestors: ancestors.slice(0, -1) }) ?? ''
}
