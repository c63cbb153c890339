/** From addresses to objects (GEN-19 to GEN-25): both namespaces, the rule of the trailing slash, the place for a new object. */
import type { Enough, JsonObject, Store, StoredRecord } from '../storage/contract.js'
import { type Address, describe, formatAddress, objectIDRoot } from './address.js'
import type { Capabilities } from './capabilities.js'
import type { CapabilityObjects } from './capability-objects.js'
import { requireOpen } from './completion.js'
import { InvalidRequest, IsNotContainer, IsReference, MissingSlash, NotFound, ParentNotFound } from './errors.js'
import { inheritedMetadata } from './metadata.js'
import { checkNewName, checkPlace, type PlaceLimits } from './names.js'
import { mintObjectID } from './object-id.js'
import { attributesOf, type CdmiObject, hasSlash, isContainer, isReference } from './record.js'

/** Where an object is, or where it would be made. */
export interface Place {
  /** From the top down to the parent. */
  readonly ancestors: readonly StoredRecord[]
  readonly parent: StoredRecord
  readonly name: string
  /** What is there now. */
  readonly record: StoredRecord | undefined
}

export class Namespace {
  readonly #store: Store
  readonly #capabilities: Capabilities
  readonly #capabilityObjects: CapabilityObjects
  readonly #enterpriseNumber: number
  readonly #limits: PlaceLimits

  constructor (store: Store, capabilities: Capabilities, capabilityObjects: CapabilityObjects, limits: PlaceLimits) {
    this.#store = store
    this.#capabilities = capabilities
    this.#capabilityObjects = capabilityObjects
    this.#limits = limits
    // Every ID of a store carries the number that its root was born with, whatever the options say later.
    this.#enterpriseNumber = Number.parseInt(store.rootID.slice(2, 8), 16)
  }

  newID (): string {
    return mintObjectID(this.#enterpriseNumber)
  }

  /** Every record found along the address, from the top on, and the names that were not found. */
  async #walk (address: Address, enough: Enough = 'newest'): Promise<{ chain: StoredRecord[], missing: readonly string[] }> {
    const { from, names } = address
    this.#requireChangeable(address)
    if (from === undefined) {
      const chain = await this.#store.meta.resolve(this.#store.rootID, names, enough)
      return { chain, missing: names.slice(chain.length - 1) }
    }
    this.#capabilities.require('system', 'cdmi_object_access_by_ID')
    const lineage = await this.#store.meta.lineage(from)
    if (lineage.length === 0) throw new NotFound(describe({ ...address, names: [] }))
    if (names.length === 0) return { chain: lineage, missing: [] }
    const below = await this.#store.meta.resolve(from, names)
    return { chain: [...lineage, ...below.slice(1)], missing: names.slice(below.length - 1) }
  }

  /**
   * The object, or undefined. Throws MissingSlash for a container addressed without its slash, IsNotContainer for anything else addressed with one,
   * and IsReference. `removing`: references are objects as others are (GEN-49), and an ID does without its slash (AMB-14).
   */
  async find (address: Address, removing = false, enough?: Enough): Promise<CdmiObject | undefined> {
    const { chain, missing } = await this.#walk(address, enough)
    const record = chain.at(-1)
    if (missing.length > 0 || record === undefined) return undefined
    checkSlash(address, record, removing)
    if (!removing) refuseReference(record)
    return { record, ancestors: chain.slice(0, -1) }
  }

  #requireChangeable (address: Address): void {
    // Doors that show capability objects do so before they come here.
    if (this.#capabilityObjects.find(address).isCapability) throw new InvalidRequest('Capability objects belong to the server; they can be read, but not changed')
  }

  /** What `find` would find, for who only shows it, where that can be said without a wait; else undefined. Throws as it does. */
  known (address: Address): CdmiObject | undefined {
    const { from, names } = address
    const chain = from === undefined ? this.#store.meta.known?.(this.#store.rootID, names) : undefined
    const record = chain?.[names.length]
    if (chain === undefined || record === undefined) return undefined
    checkSlash(address, record, false)
    refuseReference(record)
    return { record, ancestors: chain.slice(0, -1) }
  }

  /** The object, as `find` finds it. Throws NotFound. */
  async get (address: Address, removing = false, enough?: Enough): Promise<CdmiObject> {
    const object = await this.find(address, removing, enough)
    if (object === undefined) throw new NotFound(describe(address))
    return object
  }

  /** The container, for something to be made in it. Throws NotComplete for one that is itself still being made. */
  async parent (address: Address, enough?: Enough): Promise<CdmiObject> {
    const object = await this.container(address, enough)
    requireOpen(object.record, describe(address))
    return object
  }

  /** The container. */
  async container (address: Address, enough?: Enough): Promise<CdmiObject> {
    const object = await this.get(address, false, enough)
    if (!isContainer(object.record)) throw new IsNotContainer(describe(address))
    return object
  }

  /** The place of an object that may have to be made: its parent must exist and be a container (HDO-02). `address` has a name. Throws IsReference for one that is there. */
  async place (address: Address, enough?: Enough): Promise<Place> {
    const { chain, missing } = await this.#walk(address, enough)
    return this.#placeAt(address, chain, missing.length)
  }

  /**
   * What `place` would find, for whom the commit will tell when it is so no more, where that can be said without a wait; else undefined. Throws as it does.
   */
  knownPlace (address: Address): Place | undefined {
    if (address.from !== undefined) return undefined
    this.#requireChangeable(address)
    const chain = this.#store.meta.known?.(this.#store.rootID, address.names, true)
    return chain && this.#placeAt(address, chain, address.names.length + 1 - chain.length)
  }

  /** `chain`: all that was found along the address; `missing`: how many of its names were not. */
  #placeAt (address: Address, chain: readonly StoredRecord[], missing: number): Place {
    const name = address.names.at(-1) ?? ''
    const found = chain.at(-1)
    if (missing > 1 || found === undefined) throw new ParentNotFound(describe({ ...address, names: address.names.slice(0, address.names.length - missing + 1), slash: true }))
    if (missing === 1) {
      if (!isContainer(found)) throw new ParentNotFound(describe({ ...address, names: address.names.slice(0, -1), slash: true }))
      requireOpen(found, describe({ ...address, names: address.names.slice(0, -1), slash: true }))
      checkNewName(name, found.id === this.#store.rootID)
      // The gate would see it, but only when the whole value is there.
      checkPlace(name, chain.length, this.#limits)
      return { ancestors: chain, parent: found, name, record: undefined }
    }
    const parent = chain.at(-2)
    if (parent === undefined) throw new NotFound(describe(address))
    checkSlash(address, found, false)
    refuseReference(found)
    return { ancestors: chain.slice(0, -1), parent, name, record: found }
  }

  /** Whether an ID is that of an object that is not stored. */
  reserves (id: string): boolean {
    return this.#capabilityObjects.find({ from: id, names: [], slash: false }).isCapability
  }

  /**
   * Data system metadata that the object at an address has or inherits; or would, if it were made there: of all that is found along the way. Whoever
   * asks needs no right, and cannot tell from it whether there is something at the end. What is not below the root container counts as in it.
   */
  async policyAt (address: Address | typeof objectIDRoot): Promise<JsonObject> {
    const { meta, rootID } = this.#store
    const { from, names } = address === objectIDRoot ? { from: undefined, names: [] } : address
    if (from === undefined) return inheritedMetadata(await meta.resolve(rootID, names))
    const root = await meta.resolve(rootID, [])
    const lineage = this.#capabilities.has('system', 'cdmi_object_access_by_ID') ? await meta.lineage(from) : []
    const below = lineage.length === 0 ? [] : await meta.resolve(from, names)
    return inheritedMetadata([...root, ...lineage.filter(({ id }) => id !== rootID), ...below.slice(1)])
  }

  /** Whether a container is the root: some names are reserved there. */
  isRoot (record: StoredRecord): boolean {
    return record.id === this.#store.rootID
  }
}

function refuseReference (record: StoredRecord): void {
  if (isReference(record)) throw new IsReference(attributesOf(record).reference ?? '/')
}

function checkSlash (address: Address, record: StoredRecord, slashless: boolean): void {
  if (hasSlash(record)) {
    const byID = address.from !== undefined && address.names.length === 0
    if (!address.slash && !(slashless && byID)) throw new MissingSlash(formatAddress(address, true))
  } else if (address.slash) {
    throw new IsNotContainer(describe({ ...address, slash: false }))
  }
}
