/** Which pages of other origins may use an object, as its data system metadata says (COR-01 to COR-06). Pure code. */
import type { Json, JsonObject } from '../storage/contract.js'
import type { Capabilities } from './capabilities.js'

/** What scripts of a permitted origin may do. */
export interface Permission {
  /** The origin, or `*`: any. */
  readonly origin: string
  /** All that may be done; what was asked for is among them. */
  readonly methods: readonly string[]
  /** Header fields that may be sent, lower case; undefined: nothing is said of them. */
  readonly headers: readonly string[] | undefined
}

/**
 * Undefined: nothing is permitted. `metadata`: with what is inherited. Items of another type than the standard's are not used, nor are those whose
 * capability is missing.
 */
export function permissionFor (metadata: JsonObject, capabilities: Capabilities, origin: string, method: string): Permission | undefined {
  // Whatever is switched off is so for all classes of objects.
  const scope = 'dataobject'
  if (!capabilities.has('system', 'cdmi_cors') || !capabilities.has(scope, 'cdmi_cors_origins')) return undefined
  const asked = strings(metadata['cdmi_cors_methods']) ?? []
  const methods = capabilities.list(scope, 'cdmi_cors_methods').filter(one => asked.includes(one))
  if (!methods.includes(method)) return undefined
  const origins = strings(metadata['cdmi_cors_origins']) ?? []
  // "null" is what all pages without an origin of their own are sent with: no list can mean one of them.
  const permitted = origins.includes(origin) && origin !== 'null' && origin !== '*' ? origin : origins.includes('*') ? '*' : undefined
  if (permitted === undefined) return undefined
  const headers = capabilities.has(scope, 'cdmi_cors_headers') ? strings(metadata['cdmi_cors_headers']) : undefined
  return { origin: permitted, methods, headers: headers?.map(name => name.toLowerCase()) }
}

/** The strings of a list; undefined when it is none. */
function strings (value: Json | undefined): readonly string[] | undefined {
  return Array.isArray(value) ? value.filter(item => typeof item === 'string') : undefined
}
