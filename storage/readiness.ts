/** Whether a store could take a write now: found out by trying, one look at a time, with an answer in bounded time. */
import { StorageError } from './contract.js'

/** Each is one thing that must be so; it rejects when it is not. */
export type Checks = ReadonlyArray<{ readonly part: 'records' | 'values', readonly check: () => Promise<void> }>

interface Look {
  readonly began: number
  /** Undefined while it is under way. */
  ended: number | undefined
  /** Checks that have not answered yet. */
  readonly waiting: Set<Checks[number]>
  readonly answer: Promise<void>
}

export interface ReadinessTimes {
  /** Milliseconds that an answer holds. */
  readonly lasts: number
  /** Milliseconds after which what has not answered counts as away. */
  readonly patience: number
}

export class Readiness {
  readonly #checks: Checks
  readonly #times: ReadinessTimes
  #look: Look | undefined

  constructor (checks: Checks, times: ReadinessTimes = { lasts: 1000, patience: 5000 }) {
    this.#checks = checks
    this.#times = times
  }

  /** Rejects with a StorageError that says which part it is, or what else a check has failed with. */
  async ready (): Promise<void> {
    const { lasts, patience } = this.#times
    const now = performance.now()
    // Nobody begins another look at what is silent: those that wait for it would only become more.
    if (this.#look === undefined || (this.#look.ended !== undefined && now - this.#look.ended >= lasts)) this.#look = this.#begin()
    const { answer, began, waiting } = this.#look
    let timer: NodeJS.Timeout | undefined
    const enough = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        const [silent] = waiting
        reject(new StorageError('unavailable', `${silent?.part ?? 'the store'}: no answer in ${patience} ms`, { part: silent?.part }))
      }, Math.max(0, began + patience - now))
    })
    try {
      await Promise.race([answer, enough])
    } finally {
      clearTimeout(timer)
    }
  }

  #begin (): Look {
    const waiting = new Set(this.#checks)
    const checks = this.#checks.map(async one => {
      try {
        await one.check()
      } catch (error) {
        throw error instanceof StorageError ? new StorageError(error.reason, error.message, { cause: error.cause, part: one.part }) : error
      } finally {
        waiting.delete(one)
      }
    })
    const look: Look = { began: performance.now(), ended: undefined, waiting, answer: Promise.all(checks).then(() => {}) }
    // One that fails does not end it while another is silent.
    Promise.allSettled(checks).then(() => { look.ended = performance.now() }, () => {})
    // Whoever asked hears of it; there may be nobody any more.
    look.answer.catch(() => {})
    return look
  }
}
