/** The CDMI model over one store: what every door calls. */
import type { Accesses, JsonObject, Store, StoredRecord } from '../storage/contract.js'
import { type Address, describe, type objectIDRoot } from './address.js'
import { AccessLog } from './access-log.js'
import { Capabilities } from './capabilities.js'
import { CapabilityObjects } from './capability-objects.js'
import { Containers } from './containers.js'
import { type ContainerCopyOptions, copyContainer, replaceContainer } from './container-copy.js'
import type { ModelContext } from './context.js'
import type { Limits } from './limits.js'
import { type Copy, copyDataObject } from './data-object-copy.js'
import type { Written } from './data-object-change.js'
import { DataObjects } from './data-objects.js'
import { Deserialization, type DeserializationAim } from './deserialization.js'
import { type CdmiObject, isContainer, typeLetter } from './record.js'
import { FormUpload } from './form-upload.js'
import { KeyedRecords } from './keyed-records.js'
import { type Move, moveObject } from './move.js'
import { MutationGate } from './mutation-gate.js'
import { maxNameBytes } from './names.js'
import { Namespace } from './namespace.js'
import { inheritedMetadata, type Known } from './metadata.js'
import type { Offers } from './offers.js'
import { PartialUploads } from './partial-uploads.js'
import { type QuotaLimits, Quotas } from './quotas.js'
import type { Preconditions } from './preconditions.js'
import type { Principal } from './principal.js'
import { createReference } from './references.js'
import { removeObject } from './removal.js'
import { copyRemoteObject, type RemoteCopy, type RemoteOptions } from './remote-copy.js'
import { moveRemoteObject, type RemoteMove } from './remote-move.js'
import type { RemoteSources } from './remote-sources.js'
import { andThen } from './ready.js'
import type { RootPlace } from './representation.js'
import { requireSerialization, serializationOf } from './serialization.js'
import { anySource, requireComplete } from './sources.js'
import { Transfers } from './transfers.js'
import type { ValueSource } from './values.js'
import { ValueHashes } from './value-hashes.js'
import type { WriteAim } from './write-aim.js'

export const defaultLimits: Limits = {
  value: 5 * 1024 ** 4,
  json: 1024 ** 2,
  metadataItems: 1024,
  metadataItemSize: 64 * 1024,
  metadataSize: 512 * 1024,
  nameLength: maxNameBytes,
  pathDepth: 1000,
  treeObjects: 100_000,
  partialTimeout: 86_400
}

/** Items that the server makes only where it says so (MET-07). */
const optionalItems: ReadonlySet<string> = new Set(['cdmi_size', 'cdmi_ctime', 'cdmi_atime', 'cdmi_mtime', 'cdmi_acount', 'cdmi_mcount'])

/** What of that a reader sees: what costs, and is not shown, is not made. */
export interface Shown {
  /** Default: true. */
  readonly hash?: boolean
  /** Passed on: whether parts of a new value are coming. */
  readonly updating?: boolean | undefined
}

export class Cdmi {
  readonly dataObjects: DataObjects
  readonly containers: Containers
  readonly keyed: KeyedRecords
  readonly partialUploads: PartialUploads
  readonly limits: Limits
  readonly quotas: Quotas
  readonly store: Store
  readonly capabilities: Capabilities
  readonly transfers: Transfers
  readonly capabilityObjects: CapabilityObjects
  readonly #context: ModelContext
  readonly #hashes: ValueHashes

  /** `limits`: those given replace the defaults. `without`: capabilities that are switched off. `offers`: what the operator has beyond. `remote`: who speaks to other servers, if somebody may. `quotas`: of users, and of containers. */
  constructor (store: Store, limits: Partial<Limits> = {}, without: readonly string[] = [], offers: Offers = {}, remote?: RemoteSources, quotas: Omit<QuotaLimits, 'children'> = {}) {
    this.store = store
    this.limits = { ...defaultLimits, ...limits }
    this.capabilities = new Capabilities(this.limits, without, { ...offers, remoteSources: remote !== undefined })
    this.capabilityObjects = new CapabilityObjects(store, this.capabilities)
    this.quotas = new Quotas(store, { ...quotas, children: this.limits.children })
    const gate = new MutationGate(store, this.limits, this.quotas)
    this.partialUploads = new PartialUploads(store, gate, this.limits)
    this.transfers = new Transfers(store, gate)
    this.#context = { store, namespace: new Namespace(store, this.capabilities, this.capabilityObjects, this.limits), gate, quotas: this.quotas, partialUploads: this.partialUploads, limits: this.limits, capabilities: this.capabilities, accesses: AccessLog.of(store), transfers: this.transfers, remote }
    this.#hashes = new ValueHashes(store)
    this.dataObjects = new DataObjects(this.#context)
    this.containers = new Containers(this.#context)
    this.keyed = new KeyedRecords(this.#context, this.containers, this.dataObjects)
  }

  /** Makes a data object of another one, or makes one that is there like it. */
  async copyDataObject (principal: Principal, aim: WriteAim, copy: Copy, preconditions?: Preconditions): Promise<Written> {
    return await copyDataObject(this.#context, principal, aim, copy, preconditions)
  }

  /** The same of an object of another server. */
  async copyRemoteObject (principal: Principal, aim: WriteAim, copy: RemoteCopy, options?: RemoteOptions): Promise<Written> {
    return await copyRemoteObject(this.#context, principal, aim, copy, options)
  }

  /** Takes an object over from another server, where it is then deleted. */
  async moveRemoteObject (principal: Principal, aim: WriteAim, move: RemoteMove, options?: RemoteOptions): Promise<Written> {
    return await moveRemoteObject(this.#context, principal, aim, move, options)
  }

  /** Makes a container of another one, with all that is below that. */
  async copyContainer (principal: Principal, address: Address, copy: Copy, options?: ContainerCopyOptions): Promise<Written> {
    return await copyContainer(this.#context, principal, address, copy, options)
  }

  /** Makes a container that is there like another one. */
  async replaceContainer (principal: Principal, address: Address, copy: Copy, options?: ContainerCopyOptions): Promise<Written> {
    return await replaceContainer(this.#context, principal, address, copy, options)
  }

  /** Gives an object another place, or none. */
  async move (principal: Principal, aim: WriteAim, move: Move, preconditions?: Preconditions): Promise<Written> {
    return await moveObject(this.#context, principal, aim, move, preconditions)
  }

  /** Makes a reference: what is asked of it is to be asked at `target`. */
  async createReference (principal: Principal, aim: WriteAim, target: string, preconditions?: Preconditions): Promise<Written> {
    return await createReference(this.#context, principal, aim, target, preconditions)
  }

  /** Deletes an object, a container with all below it. Throws NotFound, MissingSlash, RootUndeletable. */
  async remove (principal: Principal, address: Address, preconditions?: Preconditions): Promise<void> {
    await removeObject(this.#context, principal, address, preconditions)
  }

  /** Data system metadata in force at an address, whether something is there or not, for what is decided before anybody is known. */
  async policyAt (address: Address | typeof objectIDRoot): Promise<JsonObject> {
    return await this.#context.namespace.policyAt(address)
  }

  /** What a representation shows of an object beside its record; at once where there is nothing to wait for. `accesses`: those before this one. */
  known ({ record, ancestors }: CdmiObject, accesses?: Accesses, shown?: Shown): Known | Promise<Known> {
    return this.knownWithin(record, inheritedMetadata(ancestors), accesses, shown)
  }

  /** The same of one of many in the same place. `inherited`: metadata from above. */
  knownWithin (record: StoredRecord, inherited: JsonObject, accesses?: Accesses, { hash: showsHash = true, updating }: Shown = {}): Known | Promise<Known> {
    const hashed = showsHash && record.type === typeLetter.dataObject && this.capabilities.has('dataobject', 'cdmi_value_hash')
    return andThen(hashed ? this.#hashes.of(record, inherited) : undefined, hash =>
      andThen(this.transfers.percentOf(record), percentComplete => ({ accesses, updating, hash, percentComplete, generates: this.generates(record) })))
  }

  /** Tells whether storage system metadata of a name is made for an object. */
  generates (record: StoredRecord): (name: string) => boolean {
    const scope = isContainer(record) ? 'container' : 'dataobject'
    return name => !optionalItems.has(name) || this.capabilities.hasItem(scope, name)
  }

  /** How often an object was used, and when last. */
  accesses (id: string): Accesses | Promise<Accesses> {
    return this.#context.accesses.of(id)
  }

  /** Writes down what is kept in memory until there is more of it. To be called before the store is closed. */
  async flush (): Promise<void> {
    await this.#context.accesses.flush()
  }

  /**
   * The serialization of an object, as the value of one that is to be made (SER-08): the object, and its text, which reads the tree while it is
   * taken. Throws SourceUnusable for one that cannot be read.
   */
  async serialize (principal: Principal, at: WriteAim, source: Address, root: RootPlace): Promise<{ readonly object: CdmiObject, readonly text: ValueSource }> {
    const object = await anySource(this.#context, principal, source)
    requireComplete(object.record, describe(source))
    requireSerialization(this.capabilities, at, object)
    const known = async (one: CdmiObject): Promise<Known> => await this.known(one, await this.#context.accesses.of(one.record.id))
    return { object, text: serializationOf({ context: this.#context, root, known }, object) }
  }

  /** Begins to make an object of a serialization; end it in any case. `normalType`: a media type as it is stored. */
  async beginDeserialization (principal: Principal, aim: DeserializationAim, normalType: (mimetype: string) => string, preconditions?: Preconditions): Promise<Deserialization> {
    return await Deserialization.begin(this.#context, principal, aim, normalType, preconditions)
  }

  /** Begins a form upload; end it in any case. */
  async beginForm (principal: Principal, container: Address | typeof objectIDRoot): Promise<FormUpload> {
    return await FormUpload.begin(this.#context, principal, container)
  }
}
