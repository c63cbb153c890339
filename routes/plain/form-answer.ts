/** What the sender of a form gets: a page or a redirect for people, JSON for programs (CLI-31, CLI-32). */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Address, objectIDRoot } from '../../cdmi/address.js'
import { attributesOf, type CdmiObject, pathOf } from '../../cdmi/record.js'
import { type Static, Type } from '../../schemas/typebox.js'
import { preferredType } from '../http/accept.js'
import { childHref, escapeHtml, htmlHeaders, page } from '../http/html.js'
import { locationOf, rootURI } from '../http/location.js'
import { addVary } from './representation.js'

const StoredFile = Type.Object({
  objectName: Type.Optional(Type.String({ description: 'Name in the container. Missing for an object without a path.' })),
  objectID: Type.String(),
  parentURI: Type.Optional(Type.String({ description: 'CDMI path of the container.' })),
  location: Type.String({ description: 'Absolute URI of the object.' }),
  mimetype: Type.String(),
  valuetransferencoding: Type.String(),
  size: Type.Integer()
})
type StoredFile = Static<typeof StoredFile>

export const FormResult = Type.Object({
  objects: Type.Array(StoredFile, { description: 'One for each file, in the order of the form.' })
})
export type FormResult = Static<typeof FormResult>

/** Sends the answer to a form that was stored whole. */
export function answerForm (request: FastifyRequest, reply: FastifyReply, container: Address | typeof objectIDRoot, objects: readonly CdmiObject[]): FastifyReply {
  const [first] = objects
  reply.code(201)
  addVary(reply, 'Accept')
  if (first !== undefined) reply.header('location', locationOf(request, first))
  // A client that takes anything is a program: browsers always name text/html.
  if (preferredType(request.headers.accept, ['application/json', 'text/html']) !== 'text/html') {
    return reply.headers({ 'x-content-type-options': 'nosniff' }).send({ objects: objects.map(object => describeFile(request, object)) } satisfies FormResult)
  }
  const parent = first === undefined ? undefined : parentPath(first)
  if (request.server.cdmiOptions.formAnswer === 'redirect' && container !== objectIDRoot && parent !== undefined) {
    return reply.code(303).header('location', rootURI(request) + parent).send()
  }
  return reply.headers(htmlHeaders).send(answerPage(objects, container !== objectIDRoot))
}

function describeFile (request: FastifyRequest, object: CdmiObject): StoredFile {
  const { record } = object
  const { mimetype = 'application/octet-stream', valuetransferencoding = 'base64' } = attributesOf(record)
  const parentURI = parentPath(object)
  return {
    ...(record.name === undefined ? {} : { objectName: record.name }),
    objectID: record.id,
    ...(parentURI === undefined ? {} : { parentURI }),
    location: locationOf(request, object),
    mimetype,
    valuetransferencoding,
    size: record.size
  }
}

function parentPath ({ ancestors }: CdmiObject): string | undefined {
  const parent = ancestors.at(-1)
  return parent === undefined ? undefined : pathOf({ record: parent, ancestors: ancestors.slice(0, -1) })
}

/** The page is an answer to the container's own URI: links are relative to it, as in its listing. */
function answerPage (objects: readonly CdmiObject[], listed: boolean): string {
  const rows = objects.map(({ record }) => {
    const name = record.name ?? record.id
    return `<tr><td><a href="${childHref(name, false)}">${escapeHtml(name)}</a></td><td>${record.size} bytes</td><td>${escapeHtml(attributesOf(record).mimetype ?? '')}</td></tr>\n`
  })
  const title = objects.length === 1 ? '1 file stored' : `${objects.length} files stored`
  return page(title, `<table>
<thead><tr><th>Name</th><th>Size</th><th>Type</th></tr></thead>
<tbody>
${rows.join('')}</tbody>
</table>
${listed ? '<p><a href="./">All of this container</a></p>\n' : ''}`)
}
