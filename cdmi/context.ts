/** What the parts of the model share. One per store that an application registers. */
import type { Store } from '../storage/contract.js'
import type { AccessLog } from './access-log.js'
import type { Capabilities } from './capabilities.js'
import type { Limits } from './limits.js'
import type { MutationGate } from './mutation-gate.js'
import type { Namespace } from './namespace.js'
import type { PartialUploads } from './partial-uploads.js'
import type { Quotas } from './quotas.js'
import type { RemoteSources } from './remote-sources.js'
import type { Transfers } from './transfers.js'

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
