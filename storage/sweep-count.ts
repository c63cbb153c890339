/** Counts what the sweeper does. */
import { gauge } from '../metrics/family.js'
import type { Counter, Registry } from '../metrics/registry.js'
import type { SweepReport } from './contract.js'

const rounds = { name: 'cdmi_sweep_rounds_total', help: 'Rounds of the sweeper, by how they ended.' }
const removed = { name: 'cdmi_sweep_removed_total', help: 'What the sweeper has removed: blobs, records of deleted containers, accounts of writers (leases), entries of the change log (events).' }
const last = { name: 'cdmi_sweep_last_success_timestamp_seconds', help: 'When the last round of the sweeper ended well, since 1970.' }

export class SweepCount {
  readonly #done: Counter
  readonly #failed: Counter
  readonly #removed: Readonly<Record<keyof SweepReport, Counter>>
  #last: number | undefined

  constructor (registry: Registry) {
    const kind = (kind: keyof SweepReport): Counter => registry.counter(removed, { kind })
    this.#done = registry.counter(rounds, { result: 'done' })
    this.#failed = registry.counter(rounds, { result: 'failed' })
    this.#removed = { leases: kind('leases'), blobs: kind('blobs'), records: kind('records'), events: kind('events') }
    registry.read(() => this.#last === undefined ? [] : [gauge(last, this.#last, 'max')])
  }

  /** What a round that failed has removed before is not counted. */
  async round (round: () => Promise<SweepReport>): Promise<SweepReport> {
    try {
      const report = await round()
      for (const [kind, counter] of Object.entries(this.#removed)) counter.add(report[kind as keyof SweepReport])
      this.#done.add()
      this.#last = Date.now() / 1000
      return report
    } catch (error) {
      this.#failed.add()
      throw error
    }
  }
}
