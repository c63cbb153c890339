/**
 * A mixed load that knows what it did. Each of its workers owns some objects and works on them one request at a time, so that for every URL the last
 * acknowledged state is known, and at most one request of a worker was under way when the server died.
 */
import { isConnectionError, LoadClient, namesIn, read, type Target } from './load-client.js'
import { LoadContainers } from './load-containers.js'
import { LoadModel } from './load-model.js'
import { LoadObjects, place } from './load-objects.js'

/** The containers that all objects of the load are in: where they are listed, and where their objects are written. */
const containers = [[place, place], ['/cdmi/2.0.0/data/', '/data/']] as const
/** Untouched objects are looked at in one of so many checks. */
const shares = 8

export class MixedLoad {
  readonly #model = new LoadModel()
  readonly #workers: ReadonlyArray<{ readonly objects: LoadObjects, readonly containers: LoadContainers }>
  #checks = 0

  constructor (workers: number) {
    this.#workers = Array.from({ length: workers }, (_, worker) => ({ objects: new LoadObjects(this.#model, worker), containers: new LoadContainers(this.#model, worker) }))
  }

  get acknowledged (): number {
    return this.#model.acknowledged
  }

  /** Works until the server is gone. */
  async run (target: Target): Promise<void> {
    await Promise.all(this.#workers.map(async ({ objects, containers }, worker) => {
      const client = new LoadClient(this.#model, target, worker)
      try {
        for (let n = 0; ; n++) await (n % 2 === 0 ? objects : containers).step(client)
      } catch (error) {
        // The server was killed: how the request under way ended is for the check to find out.
        if (!isConnectionError(error)) throw error
      }
    }))
  }

  /** Compares what was touched since the last check, and a share of all else, with what the server has now; answers what is wrong. `all`: everything. */
  async check (target: Target, all = false): Promise<string[]> {
    const share = all ? { of: 1, number: 0 } : { of: shares, number: this.#checks++ }
    const wrong = await this.#model.check(async url => await read(target, url), share)
    for (const [container, prefix] of containers) {
      const names = await namesIn(target, container)
      const known = [...this.#model.urls].filter(url => url.startsWith(prefix) && this.#model.at(url) !== undefined).map(url => url.slice(prefix.length))
      if (names.sort().join() !== known.sort().join()) wrong.push(`${container} has ${names.join()}, where ${known.join()} are known`)
    }
    return wrong
  }
}
