/** Plain reads of containers (HCO-03, CLI-24): a page with relative links, or JSON. Both stream, one page of children in memory. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Listing } from '../../cdmi/containers.js'
import { type CdmiObject, pathOf } from '../../cdmi/record.js'
import { preferredType } from '../http/accept.js'
import { escapeHtml, htmlHeaders, pageFoot, pageHead } from '../http/html.js'
import { limitedPages } from '../http/limited-pages.js'
import { cdmiPathOf } from '../http/location.js'
import { htmlRows, jsonNames } from '../http/name-text.js'
import { type ListingText, sendNames } from '../http/send-names.js'
import { type ListingQuery, nextQuery, parseListingQuery } from './listing-query.js'
import { addVary } from './representation.js'

/** Forms in which the listing of a container can be had here. */
export const listingTypes = ['text/html', 'application/json'] as const

interface ContainerView {
  readonly object: CdmiObject
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
  const view = { object, next, writable: request.principal.access === 'write' }
  await sendNames(reply, { ...(json ? jsonText(view) : htmlText(view)), pages })
}

const jsonHeaders: Readonly<Record<string, string>> = {
  'content-type': 'application/json; charset=utf-8',
  'x-content-type-options': 'nosniff',
  'cache-control': 'private, no-cache'
}

/** The children asked for. Only with a limit is it known beforehand whether more follow. */
async function window (request: FastifyRequest, object: CdmiObject, query: ListingQuery): Promise<Pick<ListingText, 'pages'> & { readonly next: string | undefined }> {
  const { containers } = request.server.cdmi
  if (query.limit === undefined) return { pages: containers.names(object.record, query), next: undefined }
  const { pages, last } = await limitedPages(containers.names(object.record, { ...query, limit: query.limit + 1 }), query.limit)
  return { pages, next: last === undefined ? undefined : nextQuery(query, last) }
}

function jsonText ({ object }: ContainerView): Omit<ListingText, 'pages'> {
  const { record } = object
  const fields = {
    objectID: record.id,
    ...(record.name === undefined ? {} : { objectName: `${record.name}/` }),
    ...(record.parentID === undefined ? {} : { parentURI: parentPath(object) })
  }
  return { head: JSON.stringify(fields).slice(0, -1) + ',"children":[', write: jsonNames(), tail: ']}\n' }
}

function htmlText ({ next, writable, object }: ContainerView): Omit<ListingText, 'pages'> {
  return {
    head: pageHead(readablePath(object)) + (writable ? uploadForm : '') + '<table>\n<thead><tr><th>Name</th><th>Type</th></tr></thead>\n<tbody>\n' +
      (object.ancestors.length > 0 ? '<tr><td><a href="../">../</a></td><td>container</td></tr>\n' : ''),
    write: htmlRows,
    tail: '</tbody>\n</table>\n' + (next === undefined ? '' : `<p><a rel="next" href="${escapeHtml(next)}">Next page</a></p>\n`) + pageFoot
  }
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
