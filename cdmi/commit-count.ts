/** Counts commits, as those who wait for them see them. */
import { type Counter, durations, type Histogram, type Registry } from '../metrics/registry.js'
import type { Change, CommitResult, Store } from '../storage/contract.js'

const commits = { name: 'cdmi_commits_total', help: 'Commits of changes: committed, conflict (something had changed meanwhile; mostly tried again at once), refused (a quota or another limit would not have held), failed (the store could not do it, or nobody knows whether it did).' }
const took = { name: 'cdmi_commit_duration_seconds', help: 'How long a commit took from its request until it was durable, the wait for others before it included.' }

type Outcome = CommitResult['status'] | 'failed'

export class CommitCount {
  readonly #outcomes: Readonly<Record<Outcome, Counter>>
  readonly #took: Histogram
  readonly #registry: Registry

  constructor (registry: Registry) {
    this.#registry = registry
    const outcome = (result: Outcome): Counter => registry.counter(commits, { result })
    this.#outcomes = { committed: outcome('committed'), conflict: outcome('conflict'), refused: outcome('refused'), failed: outcome('failed') }
    this.#took = registry.histogram(took, durations)
  }

  /** Commits the change, and counts that. */
  counted (meta: Pick<Store['meta'], 'commit'>, change: Change): Promise<CommitResult> {
    const began = performance.now()
    return this.#registry.traced('cdmi.commit', {}, () => meta.commit(change)).then(result => {
      this.#outcomes[result.status].add()
      if (result.status === 'committed') this.#took.observe((performance.now() - began) / 1000)
      return result
    }, (error: unknown) => {
      this.#outcomes.failed.add()
      throw error
    })
  }
}
