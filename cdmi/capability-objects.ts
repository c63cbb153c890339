/**
 * Capability objects (CAP-01 to CAP-14): a small tree below `/cdmi_capabilities/` that no client can change. They are made from the catalogue,
 * not stored; their IDs follow from the ID of the root container, so that they are the same after every start and in every process.
 */
import { createHash } from 'node:crypto'
import type { Store } from '../storage/contract.js'
import type { Address } from './address.js'
import type { Capabilities, OfferedValue } from './capabilities.js'
import type { Scope } from './capability-catalogue.js'
import { derivedObjectID } from './object-id.js'
import type { Template } from './offers.js'

export interface CapabilityObject {
  readonly objectID: string
  /** Ends in a slash, as those of containers do. */
  readonly objectName: string
  readonly parentURI: string
  readonly parentID: string
  readonly capabilities: Readonly<Record<string, OfferedValue>>
  /** Data system metadata that an object takes on with it; undefined where no templates are offered (CSE-09). */
  readonly metadata: Template | undefined
  /** Names, each with its slash. */
  readonly children: readonly string[]
  /** What objects it is about; undefined: none that can be made here. */
  readonly scope: Scope | undefined
  /** Its name, when it is a template (CSE-10). */
  readonly template: string | undefined
}

/** Name of the top of the tree, reserved in the root container. */
export const capabilitiesName = 'cdmi_capabilities'

/** Below the top, in this order. Queues and domains are not offered: theirs are empty, as a client expects them (CAP-01). */
const classes: ReadonlyArray<{ readonly name: string, readonly scope: Exclude<Scope, 'system'> | undefined }> = [
  { name: 'container', scope: 'container' },
  { name: 'dataobject', scope: 'dataobject' },
  { name: 'domain', scope: undefined },
  { name: 'queue', scope: undefined }
]

export class CapabilityObjects {
  readonly #byPath = new Map<string, CapabilityObject>()
  readonly #pathByID = new Map<string, string>()
  readonly #rootID: string

  constructor (store: Pick<Store, 'rootID'>, capabilities: Capabilities) {
    this.#rootID = store.rootID
    const metadata = capabilities.has('system', 'cdmi_capabilities_templates') ? {} : undefined
    this.#add([], { capabilities: capabilities.offered('system'), metadata, children: classes.map(({ name }) => name), scope: 'system' })
    for (const { name, scope } of classes) {
      const offered = scope === undefined ? {} : capabilities.offered(scope)
      const templates = Object.entries(scope === undefined ? {} : capabilities.templates(scope))
      this.#add([name], { capabilities: offered, metadata, children: templates.map(([template]) => template), scope })
      for (const [template, items] of templates) this.#add([name, template], { capabilities: offered, metadata: items, children: [], scope, template })
    }
  }

  #idOf (path: string): string {
    return derivedObjectID(this.#rootID, createHash('sha256').update(`${this.#rootID} ${path}`).digest().subarray(0, 16))
  }

  #add (names: readonly string[], about: Pick<CapabilityObject, 'capabilities' | 'metadata' | 'children' | 'scope'> & { readonly template?: string }): void {
    const path = names.join('/')
    const objectID = this.#idOf(path)
    this.#pathByID.set(objectID, path)
    const above = names.slice(0, -1)
    this.#byPath.set(path, {
      template: undefined,
      ...about,
      objectID,
      objectName: `${names.at(-1) ?? capabilitiesName}/`,
      parentURI: names.length === 0 ? '/' : `/${[capabilitiesName, ...above].join('/')}/`,
      parentID: names.length === 0 ? this.#rootID : this.#idOf(above.join('/')),
      children: about.children.map(name => `${name}/`)
    })
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
    const start = this.#pathByID.get(from)
    if (start === undefined) return { isCapability: false, object: undefined }
    return { isCapability: true, object: this.#byPath.get([...start === '' ? [] : [start], ...names].join('/')) }
  }
}

/** `capabilitiesURI` of an object of a class, with a template or without (CAP-11). */
export function capabilitiesURI (scope: 'dataobject' | 'container', template?: string): string {
  return `/${capabilitiesName}/${scope}/${template === undefined ? '' : `${template}/`}`
}
