/** What one registered server offers: the catalogue, less what its operator switched off. */
import { catalogue, dependents, type CapabilityOf, type CapabilityValue, type Scope } from './capability-catalogue.js'
import { CapabilityMissing } from './errors.js'
import type { Limits } from './limits.js'
import type { Offers, Templates } from './offers.js'

const placeOf: Readonly<Record<Scope, string>> = { system: 'this server', dataobject: 'data objects', container: 'containers' }

/** Where and how often the store keeps an object. */
export interface Placement {
  /** Empty: nobody says. */
  readonly locations: readonly string[]
  /** Complete copies, as a number in text; undefined: not offered. */
  readonly copies: string | undefined
}

/** A string, or a list (CAP-12). */
export type OfferedValue = string | string[]

export class Capabilities {
  readonly #offered: Readonly<Record<Scope, ReadonlyMap<string, OfferedValue>>>
  readonly #offers: Offers

  /** `without`: names of capabilities that are switched off, wherever they would be offered; with each what depends on it. */
  constructor (limits: Limits, without: readonly string[] = [], offers: Offers = {}) {
    const off = new Set([...without, ...without.flatMap(name => Object.entries(dependents).find(([above]) => above === name)?.[1] ?? [])])
    this.#offers = offers
    const offered = (scope: Scope): ReadonlyMap<string, OfferedValue> => new Map(Object.entries<CapabilityValue>(catalogue[scope])
      .filter(([name]) => !off.has(name))
      .flatMap(([name, value]) => {
        const said = saidOf(value, limits, offers)
        return said === undefined ? [] : [[name, said]]
      }))
    this.#offered = { system: offered('system'), dataobject: offered('dataobject'), container: offered('container') }
  }

  has<S extends Scope> (scope: S, name: CapabilityOf<S>): boolean {
    return this.#offered[scope].has(name)
  }

  /** The same for an item of metadata that the server makes, or acts on, of an object of either kind. */
  hasItem (scope: 'dataobject' | 'container', name: string): boolean {
    return this.#offered[scope].has(name)
  }

  /** Throws CapabilityMissing when the operation is not offered (CAP-10). */
  require<S extends Scope> (scope: S, name: CapabilityOf<S>): void {
    if (!this.#offered[scope].has(name)) throw new CapabilityMissing(name, placeOf[scope])
  }

  /** The entries of a capability that is a list; none when it is not offered. */
  list<S extends Scope> (scope: S, name: CapabilityOf<S>): readonly string[] {
    const value = this.#offered[scope].get(name)
    return typeof value === 'object' ? value : []
  }

  /** Where the objects of a class are, as far as that is offered. */
  placement (scope: Exclude<Scope, 'system'>): Placement {
    const copies = this.#offered[scope].get('cdmi_data_redundancy')
    return { locations: this.list(scope, 'cdmi_data_affinity'), copies: typeof copies === 'string' ? copies : undefined }
  }

  /** The templates of a class of objects; none when they are not offered. */
  templates (scope: Exclude<Scope, 'system'>): Templates {
    return this.has('system', 'cdmi_capabilities_templates') ? this.#offers.templates?.[scope] ?? {} : {}
  }

  /** The field `capabilities` of a capability object: strings and lists of them (CAP-12). */
  offered (scope: Scope): Readonly<Record<string, OfferedValue>> {
    return Object.fromEntries(this.#offered[scope])
  }
}

/** Undefined: not offered. */
function saidOf (value: CapabilityValue, limits: Limits, { templates = {}, locations = [], remoteSources = false }: Offers): OfferedValue | undefined {
  if (value === 'true') return value
  if ('offer' in value && value.offer === 'remoteSources') return remoteSources ? 'true' : undefined
  if ('list' in value) return [...value.list]
  if ('limit' in value) return String(limits[value.limit])
  // The store keeps all data at each location: no more copies than that, and at least one.
  if (value.offer === 'copies') return String(Math.max(1, locations.length))
  if (value.offer === 'locations') return locations.length === 0 ? undefined : [...locations]
  return Object.values(templates).some(ofClass => Object.keys(ofClass ?? {}).length > 0) ? 'true' : undefined
}

/** Every name of the catalogue, for the check of options. */
export function capabilityNames (): ReadonlySet<string> {
  return new Set(Object.values(catalogue).flatMap(scope => Object.keys(scope)))
}
