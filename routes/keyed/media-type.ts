/** Which bodies the keyed door takes (KEY-09). */
import type { IncomingHttpHeaders } from 'node:http'
import { UnsupportedMediaType } from '../../cdmi/errors.js'

const mergePatchType = 'application/merge-patch+json'
/** JSON by their syntax, but documents that say how to change another one. */
const patchTypes = new Set([mergePatchType, 'application/json-patch+json'])
const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i

/** The media type of a body of JSON, lower case. Throws UnsupportedMediaType. */
function jsonType (headers: IncomingHttpHeaders): string {
  const header = headers['content-type']
  // What nearly every client sends.
  if (header === 'application/json' && headers['content-encoding'] === undefined) return header
  if (header === undefined) throw new UnsupportedMediaType('The body has no Content-Type; send it as application/json')
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') throw new UnsupportedMediaType('A compressed body is not taken here; send it without Content-Encoding')
  const [type = ''] = header.split(';', 1)
  const name = type.trim().toLowerCase()
  if (name !== 'application/json' && !/^[\w.+-]+\/[\w.+-]+\+json$/.test(name)) throw new UnsupportedMediaType('The body must be JSON, by its Content-Type too: application/json')
  const declared = charset.exec(header)?.[1]?.toLowerCase()
  if (declared !== undefined && declared !== 'utf-8' && declared !== 'utf8' && declared !== 'us-ascii') throw new UnsupportedMediaType('JSON must be sent as UTF-8 (RFC 8259), by its charset too')
  return name
}

/** For a body that is a record. */
export function checkRecordType (headers: IncomingHttpHeaders): void {
  const type = jsonType(headers)
  if (patchTypes.has(type)) throw new UnsupportedMediaType(`A body of type ${type} changes a record and is not one; send a record as application/json`)
}

/** For a body that is merged into a record: how it is merged. */
export function mergeKindOf (headers: IncomingHttpHeaders): 'shallow' | 'merge-patch' {
  const type = jsonType(headers)
  if (type === mergePatchType) return 'merge-patch'
  if (patchTypes.has(type)) throw new UnsupportedMediaType(`PATCH takes application/json (properties replace properties) or ${mergePatchType} (RFC 7396), not ${type}`)
  return 'shallow'
}
