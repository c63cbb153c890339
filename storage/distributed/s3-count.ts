/** Counts what is asked of S3, and how it goes. */
import { gauge, sample } from '../../metrics/family.js'
import { type Counter, durations, type Registry } from '../../metrics/registry.js'
import { S3Refusal } from './s3-errors.js'

const requests = { name: 'cdmi_s3_requests_total', help: 'Requests to S3, each attempt counted, by method and how they ended: answered (2xx), refused (another status; a 404 may be good news), broken (no answer).' }
const took = { name: 'cdmi_s3_request_duration_seconds', help: 'How long S3 took to begin its answer, its body sent before.' }

/** What the client knows of itself. */
export interface S3Load {
  /** Requests under way. */
  readonly busy: number
  readonly waiting: number
  /** Bytes of uploads that are held. */
  readonly memory: number
}

export class S3Count {
  readonly #registry: Registry
  readonly #retries: Counter
  readonly #failures: Counter

  constructor (registry: Registry) {
    this.#registry = registry
    this.#retries = registry.counter({ name: 'cdmi_s3_retries_total', help: 'Attempts after one that had failed.' })
    this.#failures = registry.counter({ name: 'cdmi_s3_failures_total', help: 'Requests to S3 that were given up.' })
  }

  read (load: () => S3Load): void {
    this.#registry.read(() => {
      const { busy, waiting, memory } = load()
      return [
        gauge({ name: 'cdmi_s3_requests_in_flight', help: 'Requests to S3: under way, and waiting for a connection.' }, [sample(busy, { state: 'busy' }), sample(waiting, { state: 'waiting' })]),
        gauge({ name: 'cdmi_s3_upload_memory_bytes', help: 'Bytes of uploads to S3 that are held until they are there.' }, memory)
      ]
    })
  }

  async request<T> (method: string, send: () => Promise<T>): Promise<T> {
    const began = performance.now()
    let result = 'broken'
    try {
      const answer = await send()
      result = 'answered'
      return answer
    } catch (error) {
      if (error instanceof S3Refusal) result = 'refused'
      throw error
    } finally {
      this.#registry.counter(requests, { method, result }).add()
      this.#registry.histogram(took, durations, { method }).observe((performance.now() - began) / 1000)
    }
  }

  retried (): void {
    this.#retries.add()
  }

  failed (): void {
    this.#failures.add()
  }
}
