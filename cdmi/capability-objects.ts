/**
 * Capability objects (CAP-01 to CAP-14): a small tree below `/cdmi_capabilities/` that no client can change. They are made from the catalogue,
 * not stored; their IDs follow from the ID of the root container, so that they are the same after every start and in every process.
 */
import { createHash } from 'node:crypto'
import type { Store } from '../storage/contract.js'
import type { Address } from './address.js'
import type { Capabilities } from './capabilities.js'
import type { Scope } from './capability-catalogue.js'
import { derivedObjectID } from './object-id.js'

export interface CapabilityObject {
  readonly objectID: string
  /** Ends in a slash, as those of containers do. */
  readonly objectName: string
  readonly parentURI: string
  readonly parentID: string
  readonly capabilities: Readonly<Record<string, string | string[]>>
  /** Names, each with its slash. */
  readonly children: readonly string[]
}

/** Name of the top of the tree, reserved in the root container. */
export const capabilitiesName = 'cdmi_capabilities'

/** Below the top, in this order. Queues and domains are not offered: theirs are empty, as a client expects them (CAP-01). */
const classes: ReadonlyArray<{ readonly name: string, readonly scope: Scope | undefined }> = [
  { name: 'container', scope: 'container' },
  { name: 'dataobject', scope: 'dataobject' },
  { name: 'domain', scope: undefined },
  { name: 'queue', scope: undefined }
]

export class CapabilityObjects {
  readonly #byPath = new Map<string, CapabilityObject>()
  readonly #byID = new Map<string, CapabilityObject>()

  constructor (store: Pick<Store, 'rootID'>, capabilities: Capabilities) {
    const idOf = (path: string): string => derivedObjectID(store.rootID, createHash('sha256').update(`${store.rootID} ${path}`).digest().subarray(0, 16))
    const topID = idOf('')
    this.#add('', { objectID: topID, objectName: `${capabilitiesName}/`, parentURI: '/', parentID: store.rootID, capabilities: capabilities.offered('system'), children: classes.map(({ name }) => `${name}/`) })
    for (const { name, scope } of classes) {
      this.#add(name, { objectID: idOf(name), objectName: `${name}/`, parentURI: `/${capabilitiesName}/`, parentID: topID, capabilities: scope === undefined ? {} : capabilities.offered(scope), children: [] })
    }
  }

  #add (path: string, object: CapabilityObject): void {
    this.#byPath.set(path, object)
    this.#byID.set(object.objectID, object)
  }

  /**
   * The object that an address names, by its path or below an ID; undefined when there is none. `isCapability` says whether the address lies in
   * this tree at all, so that nothing stored can be meant.
   */
  find ({ from, names }: Address): { readonly isCapability: boolean, readonly object: CapabilityObject | undefined } {
    if (from === undefined) {
      if (names[0] !== capabilitiesName) return { isCapability: false, object: undefined }
      return { isCapability: true, object: this.#byPath.get(names.slice(1).join('/')) }
    }
    const start = this.#byID.get(from)
    if (start === undefined) return { isCapability: false, object: undefined }
    const above = start.parentURI === '/' ? [] : [start.objectName.slice(0, -1)]
    return { isCapability: true, object: this.#byPath.get([...above, ...names].join('/')) }
  }
}

/** `capabilitiesURI` of an object of a class (CAP-11). */
export function capabilitiesURI (scope: 'dataobject' | 'container'): string {
  return `/${capabilitiesName}/${scope}/`
}
