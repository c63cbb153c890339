/** What one registered server offers: the catalogue, less what its operator switched off. */
import { catalogue, type CapabilityOf, type CapabilityValue, type Configured, type Scope } from './capability-catalogue.js'
import { CapabilityMissing } from './errors.js'
import type { Limits } from './context.js'

type Offered = string | string[]

function offeredValue (value: CapabilityValue, limits: Limits): Offered {
  if (value === 'true' || 'configured' in value) return 'true'
  return 'list' in value ? [...value.list] : String(limits[value.limit])
}

function works (value: CapabilityValue, configured: ReadonlySet<Configured>): boolean {
  return value === 'true' || !('configured' in value) || configured.has(value.configured)
}

const placeOf: Readonly<Record<Scope, string>> = { system: 'this server', dataobject: 'data objects', container: 'containers' }

export class Capabilities {
  readonly #offered: Readonly<Record<Scope, ReadonlyMap<string, Offered>>>

  /** `without`: names of capabilities that are switched off, wherever they would be offered. `configured`: what is there that some of them need. */
  constructor (limits: Limits, without: readonly string[] = [], configured: ReadonlySet<Configured> = new Set()) {
    const off = new Set(without)
    const offered = (scope: Scope): ReadonlyMap<string, Offered> => new Map(Object.entries<CapabilityValue>(catalogue[scope])
      .filter(([name, value]) => !off.has(name) && works(value, configured))
      .map(([name, value]) => [name, offeredValue(value, limits)]))
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

  /** The field `capabilities` of a capability object: strings, and lists of strings (CAP-12). */
  offered (scope: Scope): Readonly<Record<string, Offered>> {
    return Object.fromEntries(this.#offered[scope])
  }
}

/** Every name of the catalogue, for the check of options. */
export function capabilityNames (): ReadonlySet<string> {
  return new Set(Object.values(catalogue).flatMap(scope => Object.keys(scope)))
}
