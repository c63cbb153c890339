/** Load that comes as it does in life: at its own pace, whether the server keeps up or not. So each time counts from the moment at which a request was due. */
import { setTimeout } from 'node:timers/promises'
import type { AskingClient } from './asking-client.js'
import { Latencies, type Times } from './latencies.js'
import { type AskedDoor, askedDoors, type RequestMix } from './request-mix.js'

/** Milliseconds between two looks at what is due. */
const tick = 5
/** What is due and cannot even be sent, for so much waits for its answer already, counts as failed. */
const mostWaiting = 2000
/** Failures that are told of. */
const mostTold = 5

export type TimesOfDoors = Readonly<Record<AskedDoor, Times>>

export interface Taken {
  readonly all: Times
  readonly doors: TimesOfDoors
  readonly failures: number
  /** Requests in a second. */
  readonly perSecond: number
}

export class PacedLoad {
  readonly #client: AskingClient
  readonly #mix: RequestMix
  readonly #all = new Latencies()
  readonly #doors: Readonly<Record<AskedDoor, Latencies>> = { keyed: new Latencies(), plain: new Latencies(), CDMI: new Latencies(), WebSocket: new Latencies() }
  #failures = 0
  #since = performance.now()
  /** Sentences about some of the failures. */
  readonly told: string[] = []

  constructor (client: AskingClient, mix: RequestMix) {
    this.#client = client
    this.#mix = mix
  }

  /** So many requests at once, again and again: how many are answered in a second. */
  async most (atOnce: number, seconds: number): Promise<number> {
    const began = performance.now()
    const end = began + seconds * 1000
    let answered = 0
    await Promise.all(Array.from({ length: atOnce }, async () => {
      while (performance.now() < end) {
        await this.#ask(performance.now())
        answered++
      }
    }))
    const rate = answered * 1000 / (performance.now() - began)
    this.take()
    return rate
  }

  /** So many in a second, for so long. Resolves when the last one is answered. */
  async run (perSecond: number, seconds: number, signal?: AbortSignal): Promise<void> {
    const began = performance.now()
    const under = new Set<Promise<void>>()
    for (let asked = 0; signal?.aborted !== true;) {
      const now = performance.now()
      if (now >= began + seconds * 1000) break
      for (let due = began + asked * 1000 / perSecond; due <= now; due = began + asked * 1000 / perSecond) {
        asked++
        if (under.size >= mostWaiting) this.#fail(new Error(`${mostWaiting} requests wait for their answers`))
        else {
          const request: Promise<void> = this.#ask(due).finally(() => { under.delete(request) })
          under.add(request)
        }
      }
      await setTimeout(tick)
    }
    await Promise.all([...under])
  }

  /** Of all that was answered since it was called before. */
  take (): Taken {
    const now = performance.now()
    const all = this.#all.take()
    const doors = Object.fromEntries(askedDoors.map(door => [door, this.#doors[door].take()])) as TimesOfDoors
    const taken = { all, doors, failures: this.#failures, perSecond: all.count * 1000 / (now - this.#since) }
    this.#failures = 0
    this.#since = now
    return taken
  }

  async #ask (due: number): Promise<void> {
    const asked = this.#mix.next()
    try {
      await this.#client.ask(asked)
      const time = performance.now() - due
      this.#all.add(time)
      this.#doors[asked.door].add(time)
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail (error: unknown): void {
    this.#failures++
    if (this.told.length < mostTold) this.told.push(error instanceof Error ? error.message : String(error))
  }
}
