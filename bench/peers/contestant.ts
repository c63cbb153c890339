/** What takes part in a comparison, and what it needs for that. */
import type { BenchServer } from '../child-server.js'
import type { Jobs, WorkloadName } from '../jobs.js'

export interface Contestant {
  readonly name: string
  readonly version?: string
  readonly server: BenchServer
  readonly jobs: Jobs
  /** Puts there what the workloads need. */
  fill (chosen: readonly WorkloadName[]): Promise<void>
}

export interface PeerContext {
  /** Of its own, empty, on the disk that is measured. */
  readonly directory: string
  /** Where packages from npm are kept. */
  readonly cache: string
}

/** It is not installed and cannot be fetched: the comparison goes on without it, and says so. */
export class PeerMissing extends Error {}

export interface Peer {
  readonly name: string
  /** Whether it takes a value of any length, where it takes one of 1 MiB. */
  readonly streams?: boolean
  start (context: PeerContext): Promise<Contestant>
}
