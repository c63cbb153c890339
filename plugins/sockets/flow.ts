/**
 * Back-pressure of one socket: so many messages are worked on at once, the others wait; while any waits nothing more is read.
 * A message has its place until its answer has left, so that a client that does not read stops being read. The next message of its subject
 * waits only until it is carried out: answers by polling leave many at a time.
 */
import { all, type Work } from './messages.js'

export interface Job {
  readonly subject: Work['subject']
  /** Resolves when the message is carried out, and its answer on its way. Never rejects. */
  run (): Promise<Departure>
}

export interface Departure {
  /** Resolves when the answer has left, or cannot leave any more. Never rejects. */
  readonly left: Promise<void>
}

export interface FlowOptions {
  readonly limit: number
  /** Whether more answers may be made while others still wait to leave. */
  readonly hasRoom: () => boolean
  /** Stops or resumes the reading of the socket. */
  readonly setPaused: (paused: boolean) => void
}

export class Flow {
  readonly #options: FlowOptions
  readonly #waiting: Array<() => Job> = []
  /** Messages whose answers have not left. */
  #running = 0
  /** Messages that are not carried out yet. */
  readonly #underWay = new Set<Promise<Departure>>()
  readonly #last = new Map<string, Promise<Departure>>()
  readonly #listeners: Array<() => void> = []
  #paused = false
  #closed = false

  constructor (options: FlowOptions) {
    this.#options = options
  }

  /** True while nothing more should be read. */
  get paused (): boolean {
    return this.#paused
  }

  /** Takes a message; it is looked at when its turn has come. */
  push (job: () => Job): void {
    if (this.#closed) return
    this.#waiting.push(job)
    this.#advance()
  }

  /** The socket is gone or going: what waits is dropped. */
  close (): void {
    this.#closed = true
    this.#waiting.length = 0
    this.#notify()
  }

  /** Resolves when reading may go on, or the socket is gone. */
  async readable (): Promise<void> {
    while (this.#paused && !this.#closed) await new Promise<void>(resolve => { this.#listeners.push(resolve) })
  }

  /** Resolves when all messages taken so far were answered. */
  async drained (): Promise<void> {
    while (this.#running > 0 || this.#waiting.length > 0) await new Promise<void>(resolve => { this.#listeners.push(resolve) })
  }

  #advance (): void {
    const { limit, hasRoom, setPaused } = this.#options
    while (this.#waiting.length > 0 && this.#running < limit && (this.#running === 0 || hasRoom())) {
      const next = this.#waiting.shift()
      if (next !== undefined) this.#start(next())
    }
    const full = this.#waiting.length > 0 || this.#running >= limit
    if (full !== this.#paused && !this.#closed) {
      this.#paused = full
      setPaused(full)
    }
    this.#notify()
  }

  #start ({ subject, run }: Job): void {
    const before = subject === undefined ? undefined : subject === all ? Promise.all(this.#underWay) : this.#last.get(subject)
    const done = before === undefined ? run() : before.then(run)
    this.#running++
    this.#underWay.add(done)
    if (typeof subject === 'string') this.#last.set(subject, done)
    done.then(async ({ left }) => {
      this.#underWay.delete(done)
      if (typeof subject === 'string' && this.#last.get(subject) === done) this.#last.delete(subject)
      await left
    }).finally(() => {
      this.#running--
      this.#advance()
    }).catch(() => {})
  }

  #notify (): void {
    if (this.#listeners.length === 0) return
    for (const listener of this.#listeners.splice(0)) listener()
  }
}
