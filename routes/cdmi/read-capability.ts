/** Capability objects (CAP-01 to CAP-09). */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Address, formatAddress } from '../../cdmi/address.js'
import type { CapabilityObject } from '../../cdmi/capability-objects.js'
import { InvalidRequest, MissingSlash } from '../../cdmi/errors.js'
import { capabilityFields, objectTypes } from '../../cdmi/representation.js'
import { clipRange } from '../http/range.js'
import { objectText } from './object-writer.js'
import type { CdmiQuery } from './query.js'
import { selectFields } from './select-fields.js'
import { cdmiHeaders, sendText } from './send-object.js'

export async function sendCapabilityObject (request: FastifyRequest, reply: FastifyReply, object: CapabilityObject, address: Address, query: CdmiQuery): Promise<FastifyReply> {
  if (!address.slash) throw new MissingSlash(formatAddress(address, true))
  if (query.children?.fields !== undefined || query.children?.recursive === true) throw new InvalidRequest('Capability objects list the names of their children only; leave the "[…]" and "!" out')
  const { children } = object
  const range = query.children?.range === undefined ? { offset: 0, length: children.length } : clipRange(query.children.range, children.length) ?? { offset: 0, length: 0 }
  const fields = {
    ...capabilityFields(object),
    childrenrange: range.length === 0 ? '' : `${range.offset}-${range.offset + range.length - 1}`,
    children: children.slice(range.offset, range.offset + range.length)
  }
  cdmiHeaders(reply, objectTypes.capability, undefined)
  return await sendText(reply, await objectText(selectFields(fields, query)), request.raw.method === 'HEAD')
}
