/** `capabilitiesURI` in a body: which template an object is to take on (CSE-01, CSE-06). */
import type { FastifyRequest } from 'fastify'
import { type Address, objectIDRoot, parseAddress } from '../../cdmi/address.js'
import { CapabilityMissing, InvalidRequest } from '../../cdmi/errors.js'
import { attributesOf } from '../../cdmi/record.js'
import type { TemplateChoice } from '../../cdmi/templates.js'
import type { StoredRecord } from '../../storage/contract.js'
import { rootURI } from '../http/location.js'
import { requestTarget } from '../http/request-path.js'

/**
 * Undefined: all stays as it is. `before`: the object as it is; undefined: it is to be made. Throws InvalidRequest for what is no capability object
 * of this class, CapabilityMissing where no templates are offered.
 */
export function templateChoice (request: FastifyRequest, uri: string | undefined, scope: 'dataobject' | 'container', before: StoredRecord | undefined): TemplateChoice | undefined {
  if (uri === undefined) return undefined
  const { capabilities, capabilityObjects } = request.server.cdmi
  const { object } = capabilityObjects.find(addressOf(request, uri))
  const ownClass = object !== undefined && object.scope === scope
  const now = before === undefined ? undefined : attributesOf(before).template
  // The class itself, which every object may send back as it has read it (CLI-04): no template.
  if (ownClass && object.template === undefined && now === undefined) return undefined
  if (!capabilities.has('system', 'cdmi_capabilities_templates')) {
    if (ownClass) return undefined
    throw new CapabilityMissing('cdmi_capabilities_templates', 'this server')
  }
  if (!ownClass) throw new InvalidRequest(`"capabilitiesURI" names no capability object for ${scope === 'container' ? 'containers' : 'data objects'}; they are listed at /cdmi_capabilities/${scope}/`)
  return { name: object.template, items: object.metadata ?? {}, exact: capabilities.has('system', 'cdmi_capabilities_exact_inherit') }
}

/** Relative to the root URI; with the path of the root URI, or absolute, is understood, too. */
function addressOf (request: FastifyRequest, uri: string): Address {
  const root = rootURI(request)
  const { base } = requestTarget(request.raw.url ?? '/', request.server.prefix)
  const path = uri.startsWith(`${root}/`) ? uri.slice(root.length) : uri.startsWith(`${base}/`) ? uri.slice(base.length) : uri
  if (!path.startsWith('/') || !path.endsWith('/') || /[?#]/.test(path)) throw new InvalidRequest('"capabilitiesURI" must be the URI of a capability object, like "/cdmi_capabilities/dataobject/"')
  const address = parseAddress(path)
  if (address === objectIDRoot) throw new InvalidRequest('"capabilitiesURI" must be the URI of a capability object, not of all object IDs')
  return address
}
