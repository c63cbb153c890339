/** Which object a body means by `copy` or `move`, and which of its fields (CMV-08, CMV-22 to CMV-24, COC-27). */
import type { FastifyRequest } from 'fastify'
import { type Address, objectIDRoot } from '../../cdmi/address.js'
import type { CopySelection } from '../../cdmi/copy-selection.js'
import { CapabilityMissing, InvalidRange, InvalidRequest, SourceUnusable } from '../../cdmi/errors.js'
import type { SourceKind } from '../../cdmi/sources.js'
import { parseURIPath } from '../../cdmi/uri-path.js'
import { localPath } from '../http/local-uri.js'
import { clipRange } from '../http/range.js'
import { type CdmiQuery, parseCdmiQuery } from './query.js'

export interface NamedSource {
  readonly address: Address
  readonly query: CdmiQuery
}

/** A source on another server. */
export interface RemoteSourceURI {
  readonly uri: string
  /** No fields: the query, if there is one, is not about fields. */
  readonly query: CdmiQuery
}

/** Undefined for a source here. Throws CapabilityMissing when no other server may be asked, and whatever is wrong with the fields that it names. */
export function remoteSource (request: FastifyRequest, field: 'copy' | 'move', text: string): RemoteSourceURI | undefined {
  if (localPath(request, text) !== undefined) return undefined
  request.server.cdmi.capabilities.require('system', `cdmi_object_${field}_from_remote`)
  const [uri = ''] = text.split('#', 1)
  const [, search = ''] = /^[^?]*(.*)$/s.exec(uri) ?? []
  const query = fieldsNamed(search)
  // What makes text of a value, or bytes, comes with it only when it is named.
  const bare = query.fields.includes('value') && query.values.length === 0 && !query.fields.includes('valuetransferencoding')
  return { uri: bare ? `${uri}&valuetransferencoding` : uri, query }
}

/** Throws InvalidRange and InvalidRequest only where fields of CDMI are meant. */
function fieldsNamed (search: string): CdmiQuery {
  if (/[?&;](?:value|values|metadata|children)[=:]/.test(search)) return parseCdmiQuery(search)
  try {
    return parseCdmiQuery(search)
  } catch {
    return parseCdmiQuery('')
  }
}

/** Throws CapabilityMissing for what is on another server, and whatever is wrong with a URI (400). */
export function namedSource (request: FastifyRequest, field: 'copy' | 'move', text: string): NamedSource {
  const path = localPath(request, text)
  if (path === undefined) throw new CapabilityMissing(`cdmi_object_${field}_from_remote`, 'this server')
  const { address, query } = parseURIPath(path)
  if (address === objectIDRoot) throw new InvalidRequest(`"${field}" names no object: behind "/cdmi_objectid/" comes the ID of one`)
  return { address, query: parseCdmiQuery(query) }
}

/** Throws InvalidRequest, InvalidRange, and CapabilityMissing for values of queues. */
export function copySelection (kind: SourceKind, source: CdmiQuery, destination: CdmiQuery): CopySelection {
  if (source.fields.length > 0 && destination.fields.length > 0) throw new InvalidRequest('The URI of the source and that of the request both name fields; name them in one of the two')
  if (source.queueValues !== undefined || destination.queueValues !== undefined) throw new CapabilityMissing('cdmi_copy_dataobject_from_queue', 'this server')
  if (source.children !== undefined || destination.children !== undefined) throw new InvalidRequest('A copy takes all children or none; leave the argument of "children" out')
  if (destination.values.length > 0) throw new InvalidRequest('A range of the value is named in the URI of the source: "copy": "/container/object?value=0-99"')
  const { fields, metadata } = source.fields.length > 0 ? source : destination
  const prefixes = source.metadata.length > 0
  return {
    fields: fields.length > 0 ? new Set(fields) : undefined,
    metadata: metadata.length === 0 ? undefined : name => prefixes ? metadata.some(prefix => name.startsWith(prefix)) : metadata.includes(name),
    range: kind === 'dataobject' ? rangeOf(source) : undefined
  }
}

function rangeOf ({ values }: CdmiQuery): CopySelection['range'] {
  const [spec] = values
  if (spec === undefined) return undefined
  if (values.length > 1) throw new InvalidRange('A copy takes one range of the value')
  return size => {
    const range = clipRange(spec, size)
    if (range === undefined && (size > 0 || (spec.first ?? 0) > 0)) throw new SourceUnusable(`The range is not within the value of the source, which has ${size} bytes`)
    return range ?? { offset: 0, length: 0 }
  }
}
