/**
 * What a load knows of every URL that it ever used: what must be there, and what the requests under way would make of it. A request changes several
 * URLs at once, or none of them.
 */

/** Of a container both tell of all that is below it, too. `id`: undefined where nobody has looked yet. */
export interface Content {
  readonly bytes: Buffer
  readonly id: string | undefined
}

/** Undefined: there is nothing. `waiting`: an object of which parts are missing. `unreadable`: one that the server has lost something of. */
export type State = Content | 'waiting' | 'unreadable' | undefined

/** `like`: the server chooses the bytes; these are possible ones. */
export type Expected = State | { readonly like: (found: Buffer) => boolean }

/** What a request makes of the URLs that it changes. */
export type Effect = ReadonlyMap<string, Expected>

/** One of so many shares of what nobody touched is looked at. */
export interface Share { readonly of: number, readonly number: number }

export class LoadModel {
  readonly #states = new Map<string, Expected>()
  readonly #pending = new Map<number, readonly Effect[]>()
  #touched = new Set<string>()
  acknowledged = 0

  get urls (): IterableIterator<string> {
    return this.#states.keys()
  }

  at (url: string): Expected {
    return this.#states.get(url)
  }

  /** What is there, where that is known to the byte. */
  content (url: string): Content | undefined {
    const state = this.#states.get(url)
    return typeof state === 'object' && 'bytes' in state ? state : undefined
  }

  /** A request of this worker is under way. It has several effects when it may stop between them. */
  begin (worker: number, ...effects: Effect[]): void {
    for (const url of effects.flatMap(effect => [...effect.keys()])) {
      if (!this.#states.has(url)) this.#states.set(url, undefined)
      this.#touched.add(url)
    }
    this.#pending.set(worker, effects)
  }

  /** It was answered. */
  acknowledge (worker: number): void {
    for (const effect of this.#pending.get(worker) ?? []) for (const [url, state] of effect) this.#states.set(url, state)
    this.#pending.delete(worker)
    this.acknowledged++
  }

  /** Somebody has read what is there. */
  adopt (url: string, found: State): void {
    this.#states.set(url, found)
  }

  /**
   * Compares with what is there: all that was touched since the last time, and a share of the rest. Answers what is wrong, and takes what was found as the
   * new truth.
   */
  async check (read: (url: string) => Promise<State>, share: Share): Promise<string[]> {
    const wrong: string[] = []
    const inFlight = [...this.#pending.values()].flat()
    const unsure = new Set(inFlight.flatMap(effect => [...effect.keys()]))
    const sure = [...this.#states.keys()].filter((url, index) => !unsure.has(url) && (this.#touched.has(url) || index % share.of === share.number % share.of))
    const works = [
      ...inFlight.map(effect => async () => { wrong.push(...await this.#settle(effect, read)) }),
      ...sure.map(url => async () => {
        const found = await read(url)
        const expected = this.#states.get(url)
        if (!agrees(found, expected)) wrong.push(`${url}: ${describe(found)} where ${describe(expected)} was acknowledged`)
        this.adopt(url, found)
      })
    ]
    await Promise.all(Array.from({ length: 32 }, async () => {
      for (let work = works.pop(); work !== undefined; work = works.pop()) await work()
    }))
    this.#pending.clear()
    this.#touched = new Set()
    return wrong
  }

  /** All of the effect is there, or nothing of it. */
  async #settle (effect: Effect, read: (url: string) => Promise<State>): Promise<string[]> {
    const found = await Promise.all([...effect.keys()].map(async url => [url, await read(url)] as const))
    const old = found.every(([url, state]) => agrees(state, this.#states.get(url)))
    const done = found.every(([url, state]) => agrees(state, effect.get(url)))
    const wrong = old || done ? [] : [found.map(([url, state]) => `${url}: ${describe(state)}, was ${describe(this.#states.get(url))}, would be ${describe(effect.get(url))}`).join('; ')]
    for (const [url, state] of found) this.adopt(url, state)
    return wrong
  }
}

function agrees (found: State, expected: Expected): boolean {
  if (typeof found !== 'object' || typeof expected !== 'object') return found === expected
  if ('like' in expected) return expected.like(found.bytes)
  return found.bytes.equals(expected.bytes) && (expected.id === undefined || expected.id === found.id)
}

function describe (state: Expected): string {
  if (state === undefined) return 'nothing'
  if (typeof state !== 'object') return state
  return 'like' in state ? 'what the server makes' : `${state.bytes.length} bytes (${state.bytes.toString('latin1', 0, 20)}…) of ${state.id ?? 'any object'}`
}
