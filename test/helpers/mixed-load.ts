/**
 * A mixed load that knows what it did. Each of its workers owns some objects and works on them one request at a time, so that for every URL the last
 * acknowledged state is known, and at most one request of a worker was under way when the server died.
 */
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { Chance } from './chance.js'
import { eventually } from './eventually.js'
import { isConnectionError, LoadClient, namesIn, read, Refused, type Target } from './load-client.js'
import { LoadContainers } from './load-containers.js'
import { LoadModel, type State } from './load-model.js'
import { LoadObjects, place } from './load-objects.js'

/** The containers that all objects of the load are in: where they are listed, and where their objects are written. */
const containers = [[place, place], ['/cdmi/2.0.0/data/', '/data/']] as const
/** Untouched objects are looked at in one of so many checks. */
const shares = 8

/** Milliseconds between two looks whether a server is there again. */
const pause = 20

interface Worker {
  readonly number: number
  readonly objects: LoadObjects
  readonly containers: LoadContainers
}

export class MixedLoad {
  readonly #model = new LoadModel()
  readonly #count: number
  readonly #longest: number
  readonly #chance: Chance
  readonly #workers: Worker[] = []
  /** Those that wait: nothing of theirs is under way. */
  #idle: Worker[] = []
  #checks = 0
  /** Requests whose end nobody has heard, or that were refused for now. */
  failed = 0
  /** Answers to checks that said to ask again later. */
  delayed = 0

  /** `longest`: bytes of the longest values, of which there are few. */
  constructor (workers: number, longest = 300_000, chance = new Chance()) {
    this.#count = workers
    this.#longest = longest
    this.#chance = chance
    for (let n = 0; n < workers; n++) this.#idle.push(this.#newWorker())
  }

  #newWorker (): Worker {
    const number = this.#workers.length
    const chance = this.#chance.of(number)
    const worker = { number, objects: new LoadObjects(this.#model, number, this.#longest, chance), containers: new LoadContainers(this.#model, number, chance) }
    this.#workers.push(worker)
    return worker
  }

  get acknowledged (): number {
    return this.#model.acknowledged
  }

  /** Works until the server is gone. */
  async run (target: Target): Promise<void> {
    await Promise.all(this.#workers.map(async ({ number, objects, containers }) => {
      const client = new LoadClient(this.#model, target, number)
      try {
        for (let n = 0; ; n++) await (n % 2 === 0 ? objects : containers).step(client)
      } catch (error) {
        // The server was killed: how the request under way ended is for the check to find out.
        if (!isConnectionError(error)) throw error
      }
    }))
  }

  /**
   * Works on servers that share a store: each step is done by any of them. One that is gone, or has to refuse for now, costs a worker the rest of the time
   * until the next check, for the end of his request is not known; another worker goes on as soon as a server is there. Until `stop`.
   */
  async runOn (choose: () => Target, stop: AbortSignal): Promise<void> {
    await Promise.all(Array.from({ length: this.#count }, async () => {
      let worker = this.#idle.pop() ?? this.#newWorker()
      for (let n = 0; !stop.aborted; n++) {
        try {
          await (n % 2 === 0 ? worker.objects : worker.containers).step(new LoadClient(this.#model, choose(), worker.number))
        } catch (error) {
          if (!isPassing(error)) throw error
          this.failed++
          worker = this.#idle.pop() ?? this.#newWorker()
          while (!stop.aborted && !await answers(choose)) await delay(pause)
        }
      }
      this.#idle.push(worker)
    }))
  }

  /** A worker of its own makes an object, and keeps its last bytes back until `rest` resolves. Resolves with true when it is made, and with false when it was refused for now, or nobody heard its end. */
  async putSlowly (target: Target, bytes: Buffer, rest: Promise<void>): Promise<boolean> {
    const { number } = this.#newWorker()
    const kept = 1000
    async function * body (): AsyncGenerator<Buffer> {
      yield bytes.subarray(0, -kept)
      await rest
      yield bytes.subarray(-kept)
    }
    try {
      const url = `${place}slow-${number}`
      await new LoadClient(this.#model, target, number).send({ method: 'PUT', url, body: Readable.from(body(), { objectMode: false }) }, new Map([[url, { bytes, id: undefined }]]))
      return true
    } catch (error) {
      if (!isPassing(error)) throw error
      this.failed++
      return false
    }
  }

  /** Compares what was touched since the last check, and a share of all else, with what the server has now; answers what is wrong. `all`: everything. */
  async check (target: Target | (() => Target), all = false): Promise<string[]> {
    const choose = typeof target === 'function' ? target : () => target
    const share = all ? { of: 1, number: 0 } : { of: shares, number: this.#checks++ }
    const wrong = await this.#model.check(async url => await this.#look(url, async () => await found(choose(), url)), share)
    this.#idle = [...this.#workers]
    for (const [container, prefix] of containers) {
      const names = await this.#look(container, async () => await namesIn(choose(), container))
      const known = [...this.#model.urls].filter(url => url.startsWith(prefix) && this.#model.at(url) !== undefined).map(url => url.slice(prefix.length))
      if (names.sort().join() !== known.sort().join()) wrong.push(`${container} has ${names.join()}, where ${known.join()} are known`)
    }
    return wrong
  }

  /** Looks again while the answer says to ask again later, as clients of a busy server have to. */
  async #look<T> (url: string, look: () => Promise<T>): Promise<T> {
    let seen: { readonly result: T } | undefined
    await eventually(`${url} can be read`, async () => {
      try {
        seen = { result: await look() }
      } catch (error) {
        if (!(error instanceof Refused && error.passes)) throw error
        this.delayed++
      }
      return seen !== undefined
    })
    if (seen === undefined) throw new Error(`${url} was not read`)
    return seen.result
  }
}

/** What is there; also when that cannot be read. */
async function found (target: Target, url: string): Promise<State> {
  try {
    return await read(target, url)
  } catch (error) {
    if (error instanceof Refused && error.status === 500) return 'unreadable'
    throw error
  }
}

/** Whether it says that a server is gone, or that it cannot do its work for now. */
function isPassing (error: unknown): boolean {
  return isConnectionError(error) || (error instanceof Refused && error.passes)
}

async function answers (choose: () => Target): Promise<boolean> {
  try {
    await namesIn(choose(), place)
    return true
  } catch (error) {
    if (!isPassing(error)) throw error
    return false
  }
}
