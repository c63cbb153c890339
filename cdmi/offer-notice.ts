/**
 * Whether what is stored with an object names something that the server offers (CAP-10, CAP-11): for who looks at a store as a whole. What is not offered is kept (MET-08)
 * and is no damage: an operator may have switched it off, and on again.
 */
import type { StoredRecord } from '../storage/contract.js'
import type { Capabilities } from './capabilities.js'
import { attributesOf, typeLetter } from './record.js'

/** Items of data system metadata that choose from what is offered. */
const chosen = ['cdmi_value_hash', 'cdmi_data_affinity', 'cdmi_cors_methods'] as const

/** What is not offered: the end of a sentence; undefined: all is. */
export function offerNotice (record: Pick<StoredRecord, 'type' | 'attributes'>, capabilities: Capabilities): string | undefined {
  const scope = record.type === typeLetter.dataObject ? 'dataobject' : record.type === typeLetter.container ? 'container' : undefined
  if (scope === undefined) return undefined
  const { template, metadata } = attributesOf(record)
  if (template !== undefined && !Object.hasOwn(capabilities.templates(scope), template)) return `has the template ${JSON.stringify(template)}, which this configuration does not offer: its capabilitiesURI is that of all ${scope === 'container' ? 'containers' : 'data objects'}`
  for (const name of chosen) {
    const wanted = metadata[name]
    if (wanted === undefined) continue
    if (!capabilities.hasItem(scope, name)) return `asks for ${name}, which this configuration does not offer`
    const offered = capabilities.list(scope, name)
    const strange = (Array.isArray(wanted) ? wanted : [wanted]).find(one => typeof one !== 'string' || !offered.includes(one))
    if (strange !== undefined) return `asks for ${JSON.stringify(strange)} as ${name}; offered: ${offered.join(', ')}`
  }
  return undefined
}
