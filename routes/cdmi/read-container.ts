/** A container in CDMI's JSON (COC-52 to COC-58). Its children stream; memory holds some of their names. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CdmiObject } from '../../cdmi/record.js'
import { fieldsOf, objectTypes } from '../../cdmi/representation.js'
import type { Accesses, JsonObject } from '../../storage/contract.js'
import { jsonNames } from '../http/name-text.js'
import { ChunkStream, sendStream } from '../http/send-content.js'
import { sendNames } from '../http/send-names.js'
import { ChildFields } from './child-fields.js'
import { type ChildList, childList, entryPages, namePages } from './child-list.js'
import { childrenText } from './children-text.js'
import { objectText } from './object-writer.js'
import type { CdmiQuery } from './query.js'
import { formatRange } from './read-data-object.js'
import { rootPlace } from './request.js'
import { selectFields, wants } from './select-fields.js'
import { cdmiHeaders, sendText } from './send-object.js'

export async function sendContainer (request: FastifyRequest, reply: FastifyReply, object: CdmiObject, query: CdmiQuery, accesses?: Accesses): Promise<FastifyReply> {
  const { cdmi } = request.server
  const { capabilities } = cdmi
  const headOnly = request.raw.method === 'HEAD'
  if (wants(query, 'metadata')) capabilities.require('container', 'cdmi_read_metadata')
  const root = rootPlace(request)
  const fields = fieldsOf(object, root, await cdmi.known(object, accesses))
  cdmiHeaders(reply, objectTypes.container, object.record)
  const wantsNames = wants(query, 'children')
  const wantsRange = wants(query, 'childrenrange')
  if (!wantsNames && !wantsRange) return await sendText(reply, await objectText(selectFields(fields, query)), headOnly)

  capabilities.require('container', 'cdmi_list_children')
  const { children } = query
  if (children?.range !== undefined) capabilities.require('container', 'cdmi_list_children_range')
  if (children?.fields !== undefined) capabilities.require('container', 'cdmi_list_children_extended')
  const named = new Set(children?.fields?.map(([name]) => name))
  if (named.has('metadata')) capabilities.require('dataobject', 'cdmi_read_metadata')
  if (named.has('value')) capabilities.require('dataobject', 'cdmi_read_value')
  if (children?.recursive === true) capabilities.require('container', 'cdmi_list_children_recursive')
  const before = ({ first, count }: ChildList<unknown>): JsonObject => ({ ...selectFields(fields, query), ...(wantsRange ? { childrenrange: formatRange(first, count) } : {}) })

  if (wantsNames && (children?.fields !== undefined || children?.recursive === true)) {
    const list = await childList(object, children.range, entryPages(cdmi))
    const head = opening(before(list))
    if (headOnly) return reply.send()
    return sendStream(reply, await ChunkStream.begin(withChildren(head, childrenText({
      cdmi,
      container: object,
      pages: list.pages,
      recursive: children.recursive,
      fields: children.fields === undefined ? undefined : new ChildFields(cdmi, root, request.cdmiVersion?.major === 1, children.fields)
    }))))
  }
  const list = await childList(object, children?.range, namePages(cdmi))
  if (!wantsNames) return await sendText(reply, await objectText(before(list)), headOnly)
  if (headOnly) return reply.send()
  return await sendNames(reply, { head: `${opening(before(list))}[`, pages: list.pages, write: jsonNames(), tail: ']}' })
}

async function * withChildren (head: string, children: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield Buffer.from(head)
  yield * children
  yield Buffer.from('}')
}

/** All of the object up to its last field. */
function opening (fields: JsonObject): string {
  const text = JSON.stringify(fields)
  return `${text.slice(0, -1)}${text === '{}' ? '' : ','}"children":`
}
