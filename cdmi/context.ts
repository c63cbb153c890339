/** What the parts of the model share. One per store that an application registers. */
import type { Store } from '../storage/contract.js'
import type { AccessLog } from './access-log.js'
import type { Capabilities } from './capabilities.js'
import type { MutationGate } from './mutation-gate.js'
import type { Namespace } from './namespace.js'
import type { PartialUploads } from './partial-uploads.js'
import type { Quotas } from './quotas.js'
import type { RemoteSources } from './remote-sources.js'
import type { Transfers } from './transfers.js'

export interface Limits {
  /** Longest value, in bytes. */
  readonly value: number
  /** Longest JSON text that is parsed whole (keyed records), in bytes. */
  readonly json: number
  /** Most items of user metadata of one object. */
  readonly metadataItems: number
  /** Longest item of user metadata, name and JSON text together, in bytes. */
  readonly metadataItemSize: number
  /** All user metadata of one object, in bytes. */
  readonly metadataSize: number
  /** Longest name of an object, in bytes of UTF-8. */
  readonly nameLength: number
  /** Most names in the path of an object, its own counted. */
  readonly pathDepth: number
  /** Most children of one container; undefined: any number. */
  readonly children?: number | undefined
  /** Most objects of a tree that one operation makes, changes or removes. */
  readonly treeObjects: number
  /** Seconds that a set of parts is kept for which nothing comes (PUP-12). */
  readonly partialTimeout: number
}

export interface ModelContext {
  readonly store: Store
  readonly namespace: Namespace
  readonly gate: MutationGate
  readonly quotas: Quotas
  readonly limits: Limits
  readonly capabilities: Capabilities
  readonly accesses: AccessLog
  /** Undefined: no other server may be asked. */
  readonly remote: RemoteSources | undefined
  readonly transfers: Transfers
  readonly partialUploads: PartialUploads
}
