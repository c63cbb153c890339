/** What clients of all doors ask for when they are many: mostly small records, read, replaced, made and deleted; some long values, forms and lists; and some that break off. */
import { counts, type Door, form, type Job, ours, small } from './jobs.js'

export type AskedDoor = Door | 'WebSocket'

export const askedDoors: readonly AskedDoor[] = ['keyed', 'plain', 'CDMI', 'WebSocket']

export interface Asked {
  readonly door: AskedDoor
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
  /** The client goes away in the middle of it. */
  readonly breaksOff?: boolean
  /** Is given the answer, where somebody wants it. */
  readonly answered?: (text: string) => void
}

type Act = 'read' | 'replace' | 'create' | 'delete' | 'list' | 'form' | 'read long' | 'replace long' | 'break off'

/** Of a hundred. What is made is deleted again, so that the store is as large at the end as at the beginning. */
const shares: ReadonlyArray<readonly [Act, number]> = [['read', 44], ['replace', 20], ['create', 12], ['delete', 12], ['list', 4], ['form', 2], ['read long', 3], ['replace long', 2], ['break off', 1]]

/** Objects that were made and are still there, of each door. */
const kept = 200

const lists: Readonly<Record<Door, Omit<Asked, 'door'>>> = {
  keyed: { method: 'GET', path: '/data?prefix=small-&limit=100' },
  plain: { method: 'GET', path: '/cdmi/2.0.0/large/' },
  CDMI: { method: 'GET', path: '/cdmi/2.0.0/large-cdmi/?childrenrange&children', headers: { accept: 'application/cdmi-container' } }
}

export class RequestMix {
  readonly #random: () => number
  readonly #name: string
  /** Paths that were made, the oldest first; those of forms are of the plain door. */
  readonly #made: Readonly<Record<Door, string[]>> = { keyed: [], plain: [], CDMI: [] }
  #count = 0

  /** `name`: no other mix on this server has it. The same seed asks the same. */
  constructor (name: string, seed = 1) {
    this.#name = name
    this.#random = randomFrom(seed)
  }

  next (): Asked {
    const door = this.#oneOf(askedDoors)
    if (door === 'WebSocket') return this.#message()
    const act = this.#act()
    const jobs = ours[door]
    switch (act) {
      case 'read': return this.#asked(door, jobs.W2)
      case 'replace': return this.#asked(door, jobs.W3)
      case 'read long': return this.#asked(door, jobs.W5)
      case 'replace long': return this.#asked(door, jobs.W4)
      case 'break off': return { ...this.#asked(door, this.#random() < 0.5 ? jobs.W4 : jobs.W5), breaksOff: true }
      case 'create': return this.#create(door, jobs.W1)
      case 'delete': return this.#delete(door) ?? this.#create(door, jobs.W1)
      case 'list': return { door, ...lists[door] }
      case 'form': return this.#form()
    }
  }

  #message (): Asked {
    const path = `/data/small-${this.#below(counts.small)}`
    return this.#random() < 0.7 ? { door: 'WebSocket', method: 'GET', path } : { door: 'WebSocket', method: 'PUT', path, body: small.toString() }
  }

  #act (): Act {
    let at = this.#random() * 100
    for (const [act, share] of shares) if ((at -= share) < 0) return act
    return 'read'
  }

  #asked (door: Door, job: Job | undefined): Asked {
    if (job === undefined) throw new Error(`the ${door} door does not do that`)
    const { method, path, keys, headers, body } = job
    const key = typeof keys === 'number' ? String(this.#below(keys)) : keys === 'fresh' ? `${this.#name}-${this.#count++}` : ''
    return { door, method, path: path + key, ...headers !== undefined && { headers }, ...body !== undefined && { body } }
  }

  /** Is there to be deleted once the server has said so. */
  #create (door: Door, job: Job | undefined): Asked {
    const asked = this.#asked(door, job)
    return { ...asked, answered: () => { this.#made[door].push(asked.path) } }
  }

  #form (): Asked {
    const { headers = {}, body } = form()
    const answered = (text: string): void => {
      const [, location] = /"location":"([^"]+)"/.exec(text) ?? []
      if (location !== undefined) this.#made.plain.push(new URL(location, 'http://localhost').pathname)
    }
    return { door: 'plain', method: 'POST', path: '/cdmi/2.0.0/forms/', headers, ...body !== undefined && { body }, answered }
  }

  #delete (door: Door): Asked | undefined {
    const made = this.#made[door]
    const path = made.length > kept ? made.shift() : undefined
    return path === undefined ? undefined : { door, method: 'DELETE', path }
  }

  #below (count: number): number {
    return Math.floor(this.#random() * count)
  }

  #oneOf<T> (all: readonly T[]): T {
    const one = all[this.#below(all.length)]
    if (one === undefined) throw new Error('there is nothing to choose from')
    return one
  }
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function randomFrom (seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ state >>> 15, state | 1)
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61)
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32
  }
}
