/** Headers of answers that show a data object. */
import type { FastifyReply } from 'fastify'
import { entityTag, lastModified } from '../../cdmi/preconditions.js'
import type { CdmiOptions } from '../../schemas/options.js'
import type { StoredRecord } from '../../storage/contract.js'
import { formatHttpDate } from '../http/http-date.js'

/**
 * The validators, and what caches must know: the same URI has other forms for other Accept headers, and any door may change the
 * object at any time, so that a cache asks before it answers. These go with 304, too (RFC 9110 §15.4.5).
 */
export function setValidators (reply: FastifyReply, record: StoredRecord): void {
  reply.header('etag', entityTag(record))
  reply.header('last-modified', formatHttpDate(lastModified(record)))
  reply.header('cache-control', 'no-cache')
  addVary(reply, 'Accept')
}

/** Adds to the Vary header; a CORS plugin may have set one already. */
export function addVary (reply: FastifyReply, field: string): void {
  const vary = reply.getHeader('vary')
  reply.header('vary', vary === undefined ? field : `${String(vary)}, ${field}`)
}

/** Types that browsers run, or that lead to what they run. */
const active = /^(?:text\/(?:html|xml|xsl|javascript|ecmascript|jscript|livescript|x-[\w-]*script)|application\/(?:xml|(?:x-)?(?:java|ecma)script|x-shockwave-flash|pdf)|message\/rfc822|multipart\/[\w.+-]+|[\w.-]+\/[\w.+-]+\+xml)$/i

/**
 * What keeps a stored value from being taken for something that its type does not say, and, unless the operator allows it, from running with
 * the rights of this server's origin: HTML, SVG and all other content that could be active (CLI-26). A download has the name that its URI ends in.
 */
export function setContentSafety (reply: FastifyReply, mimetype: string, allowed: CdmiOptions['activeContent']): void {
  reply.header('x-content-type-options', 'nosniff')
  if (allowed === 'allow') return
  reply.header('content-security-policy', 'sandbox')
  if (allowed === 'download' && active.test(mimetype.split(';', 1)[0]?.trim() ?? '')) reply.header('content-disposition', 'attachment')
}
