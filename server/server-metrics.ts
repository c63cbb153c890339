/** All that one process of the server counts. */
import type { Server } from 'node:http'
import { type Family, gauge, merged, sample } from '../metrics/family.js'
import { Registry } from '../metrics/registry.js'
import type { Store } from '../index.js'
import { readProcess } from './process-readings.js'
import { RequestCount } from './request-count.js'
import { readTraffic } from './traffic.js'
import { version } from './version.js'

export class ServerMetrics {
  readonly requests: RequestCount
  readonly #registry = new Registry()
  readonly #stop: () => void
  #store: Store | undefined

  /** `name` tells the processes of one server apart. */
  constructor (name = 'main') {
    this.requests = new RequestCount(this.#registry)
    this.#stop = readProcess(this.#registry, name)
    this.#registry.read(() => [gauge({ name: 'cdmi_build_info', help: 'Always 1; the label has the version.' }, [sample(1, { version })], 'max')])
  }

  watch (server: Server, store: Store): void {
    readTraffic(this.#registry, server)
    this.#store = store
  }

  /** Never rejects. */
  async collect (): Promise<Family[]> {
    return merged(await Promise.all([this.#registry.collect(), this.#store?.metrics?.collect() ?? []]))
  }

  stop (): void {
    this.#stop()
  }
}
