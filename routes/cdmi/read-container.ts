/** A container in CDMI's JSON (COC-52 to COC-58). Its children stream; memory holds some of their names. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { shownName } from '../../cdmi/containers.js'
import type { CdmiObject } from '../../cdmi/record.js'
import { fieldsOf, objectTypes } from '../../cdmi/representation.js'
import type { Accesses, Entry } from '../../storage/contract.js'
import { clipRange, type RangeSpec } from '../http/range.js'
import { ChunkStream } from '../http/send-content.js'
import { ChildFields } from './child-fields.js'
import { childrenText } from './children-text.js'
import { objectText } from './object-writer.js'
import type { CdmiQuery } from './query.js'
import { formatRange } from './read-data-object.js'
import { rootPlace } from './request.js'
import { selectFields, wants } from './select-fields.js'
import { cdmiHeaders, sendText } from './send-object.js'

/** Children that are held in memory, so that one listing is of one moment as far as possible; beyond, they are counted first and then listed. */
const held = 20_000

export async function sendContainer (request: FastifyRequest, reply: FastifyReply, object: CdmiObject, query: CdmiQuery, accesses?: Accesses): Promise<FastifyReply> {
  const { cdmi } = request.server
  const { capabilities } = cdmi
  const headOnly = request.raw.method === 'HEAD'
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
  if (children?.recursive === true) capabilities.require('container', 'cdmi_list_children_recursive')
  const list = await childrenOf(request, object, children?.range)
  const before = { ...selectFields(fields, query), ...(wantsRange ? { childrenrange: formatRange(list.first, list.count) } : {}) }
  if (!wantsNames) return await sendText(reply, await objectText(before), headOnly)
  if (headOnly) return reply.send()
  const head = JSON.stringify(before)
  return reply.send(await ChunkStream.begin(children?.fields === undefined && children?.recursive !== true
    ? text(head, list.pages)
    : withChildren(head, childrenText({
      cdmi,
      container: object,
      pages: list.pages,
      recursive: children.recursive,
      fields: children.fields === undefined ? undefined : new ChildFields(cdmi, root, request.cdmiVersion?.major === 1, children.fields)
    }))))
}

async function * withChildren (head: string, children: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield Buffer.from(opening(head))
  yield * children
  yield Buffer.from('}')
}

/** All of the object up to its last field. */
function opening (head: string): string {
  return `${head.slice(0, -1)}${head === '{}' ? '' : ','}"children":`
}

interface ChildList {
  /** Index of the first child listed. */
  readonly first: number
  readonly count: number
  readonly pages: AsyncIterable<readonly Entry[]>
}

/** Children in the order of their names: an order that stays while they do (COC-54). */
async function childrenOf (request: FastifyRequest, object: CdmiObject, range: RangeSpec | undefined): Promise<ChildList> {
  const { containers } = request.server.cdmi
  // Of "first-last" no more is counted than there is in it: a client that lists page by page would have all counted for each.
  const limit = range?.first === undefined || range.last === undefined ? undefined : range.last + 1
  const seen: Entry[] = []
  let total = 0
  for await (const page of containers.pages(object.record, { limit })) {
    total += page.length
    if (total <= held) seen.push(...page)
  }
  const { offset, length } = range === undefined ? { offset: 0, length: total } : clipRange(range, total) ?? { offset: 0, length: 0 }
  if (total <= held) return { first: offset, count: length, pages: inOnePage(seen.slice(offset, offset + length)) }
  return { first: offset, count: length, pages: window(containers.pages(object.record, {}), offset, length) }
}

async function * inOnePage (entries: readonly Entry[]): AsyncGenerator<readonly Entry[]> {
  yield entries
}

/** The children from an index on, so many at the most. */
async function * window (pages: AsyncIterable<readonly Entry[]>, offset: number, length: number): AsyncGenerator<readonly Entry[]> {
  let at = 0
  for await (const page of pages) {
    const part = page.slice(Math.max(0, offset - at), Math.max(0, offset + length - at))
    at += page.length
    if (part.length > 0) yield part
    if (at >= offset + length) return
  }
}

async function * text (head: string, pages: AsyncIterable<readonly Entry[]>): AsyncGenerator<Uint8Array> {
  let lead = `${opening(head)}[`
  for await (const page of pages) {
    let chunk = lead
    for (const entry of page) {
      chunk += JSON.stringify(shownName(entry)) + ','
    }
    // The comma at the end waits for the next page.
    lead = page.length > 0 ? ',' : chunk
    if (page.length > 0) yield Buffer.from(chunk.slice(0, -1))
  }
  yield Buffer.from(lead.endsWith('[') ? `${lead}]}` : ']}')
}
