/**
 * A mixed load that knows what it wrote. Each of its workers owns some objects and works on them one request at a time, so that for
 * every object the last acknowledged value is known, and at most one request was under way when the server died.
 */
import { randomBytes, randomInt } from 'node:crypto'
import { type Dispatcher, FormData, request } from 'undici'

/** Undefined: there is no such object. */
type Value = Buffer | undefined

export interface Tracked {
  readonly url: string
  acknowledged: Value
  /** What the request under way would make of it. */
  pending: { value: Value } | undefined
}

export interface Target {
  readonly origin: string
  readonly authorization: string
  readonly dispatcher?: Dispatcher
}

const sizes = [10, 300, 5000, 64 * 1024, 64 * 1024 + 1, 200_000, 1_000_000] as const

export class MixedLoad {
  readonly objects: Tracked[] = []
  /** Objects made by forms: their URLs are known only from answers. */
  acknowledgedWrites = 0

  /** Works on objects below `target` with so many connections until the server is gone. */
  async run (target: Target, connections: number, round: number): Promise<void> {
    await Promise.all(Array.from({ length: connections }, async (_, worker) => {
      try {
        for (let n = 0; ; n++) await this.#step(target, worker, round, n)
      } catch (error) {
        // The server was killed: how the request under way ended is for the check to find out.
        if (!isConnectionError(error)) throw error
      }
    }))
  }

  async #step (target: Target, worker: number, round: number, n: number): Promise<void> {
    const mine = this.objects.filter(object => object.url.includes(`-w${worker}-`))
    const known = mine.length > 0 ? mine[randomInt(mine.length)] : undefined
    const action = known === undefined ? 0 : randomInt(10)
    if (known === undefined || action < 3) await this.#create(target, worker, round, n)
    else if (action === 9) await this.#send(target, known, 'DELETE', undefined, undefined)
    else if (known.acknowledged === undefined) await this.#put(target, known)
    else if (known.url.startsWith('/data/')) await this.#put(target, known)
    else if (action < 6) await this.#put(target, known)
    else await this.#patch(target, known, known.acknowledged)
  }

  async #create (target: Target, worker: number, round: number, n: number): Promise<void> {
    const keyed = n % 3 === 0
    if (n % 7 === 6) { await this.#form(target, worker, round, n); return }
    const object: Tracked = { url: `${keyed ? '/data/' : '/cdmi/2.0.0/load/'}r${round}-w${worker}-${n}`, acknowledged: undefined, pending: undefined }
    this.objects.push(object)
    await this.#put(target, object)
  }

  async #put (target: Target, object: Tracked): Promise<void> {
    if (object.url.startsWith('/data/')) {
      const value = Buffer.from(JSON.stringify({ random: randomBytes(randomInt(1, 60_000)).toString('base64') }))
      await this.#send(target, object, object.acknowledged === undefined ? 'POST' : 'PUT', value, value)
    } else {
      const value = randomBytes(sizes[randomInt(sizes.length)] ?? 1)
      if (randomInt(3) === 0) await this.#send(target, object, 'PUT', cdmiBody(value), value, cdmiType)
      else await this.#send(target, object, 'PUT', value, value)
    }
  }

  async #patch (target: Target, object: Tracked, before: Buffer): Promise<void> {
    const offset = randomInt(before.length + 100)
    const part = randomBytes(randomInt(1, 100_000))
    const after = Buffer.alloc(Math.max(before.length, offset + part.length))
    after.set(before)
    after.set(part, offset)
    const range = `${offset}-${offset + part.length - 1}`
    if (randomInt(2) === 0) await this.#send(target, object, 'PATCH', cdmiBody(part), after, cdmiType, `?value=${range}`)
    else await this.#send(target, object, 'PATCH', part, after, { 'content-range': `bytes ${range}/*` })
  }

  async #form (target: Target, worker: number, round: number, n: number): Promise<void> {
    const form = new FormData()
    const objects: Tracked[] = []
    for (let file = 0; file < 2; file++) {
      const value = randomBytes(sizes[randomInt(sizes.length)] ?? 1)
      const name = `form-r${round}-w${worker}-${n}-${file}`
      form.append('file', new Blob([value]), name)
      objects.push({ url: `/cdmi/2.0.0/load/${name}`, acknowledged: undefined, pending: { value } })
    }
    this.objects.push(...objects)
    const answer = await request(target.origin + '/cdmi/2.0.0/load/', { method: 'POST', headers: headers(target, { accept: 'application/json' }), body: form, ...dispatch(target) })
    await answer.body.dump()
    if (answer.statusCode !== 201) throw new Error(`form answered ${answer.statusCode}`)
    for (const object of objects) this.#acknowledge(object)
  }

  async #send (target: Target, object: Tracked, method: 'PUT' | 'POST' | 'PATCH' | 'DELETE', body: Buffer | undefined, after: Value, more: Record<string, string> = {}, query = ''): Promise<void> {
    object.pending = { value: after }
    const type: Record<string, string> = object.url.startsWith('/data/') && body !== undefined ? { 'content-type': 'application/json' } : {}
    const answer = await request(target.origin + object.url + query, { method, headers: headers(target, { ...type, ...more }), body: body ?? null, ...dispatch(target) })
    const text = await answer.body.text()
    const missing = method === 'DELETE' && object.acknowledged === undefined && answer.statusCode === 404
    if (answer.statusCode >= 300 && !missing) throw new Error(`${method} ${object.url} answered ${answer.statusCode}: ${text}`)
    this.#acknowledge(object)
  }

  #acknowledge (object: Tracked): void {
    object.acknowledged = object.pending?.value
    object.pending = undefined
    this.acknowledgedWrites++
  }

  /** Compares every object with what the server has now; answers what is wrong, and takes the state found as the new truth. */
  async check (target: Target): Promise<string[]> {
    const wrong: string[] = []
    const queue = [...this.objects]
    await Promise.all(Array.from({ length: 16 }, async () => {
      for (let object = queue.pop(); object !== undefined; object = queue.pop()) {
        const answer = await request(target.origin + object.url, { headers: headers(target), ...dispatch(target) })
        const body = Buffer.from(await answer.body.arrayBuffer())
        const found = answer.statusCode === 200 ? body : undefined
        if (answer.statusCode !== 200 && answer.statusCode !== 404) wrong.push(`${object.url}: ${answer.statusCode}`)
        const allowed = [object.acknowledged, ...object.pending === undefined ? [] : [object.pending.value]]
        if (!allowed.some(value => value === found || (value !== undefined && found?.equals(value) === true))) {
          wrong.push(`${object.url}: ${found === undefined ? 'missing' : `${found.length} bytes`}, expected ${allowed.map(value => value === undefined ? 'none' : `${value.length} bytes`).join(' or ')}`)
        }
        object.acknowledged = found
        object.pending = undefined
      }
    }))
    return wrong
  }
}

const cdmiType = { 'content-type': 'application/cdmi-object' }

/** A value as CDMI writes bytes. */
function cdmiBody (value: Buffer): Buffer {
  return Buffer.from(`{"valuetransferencoding":"base64","value":"${value.toString('base64')}"}`)
}

function headers (target: Target, more: Record<string, string> = {}): Record<string, string> {
  return { authorization: target.authorization, ...more }
}

function dispatch (target: Target): { dispatcher?: Dispatcher } {
  return target.dispatcher === undefined ? {} : { dispatcher: target.dispatcher }
}

function isConnectionError (error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  const cause = (error as Error).cause as NodeJS.ErrnoException | undefined
  return ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_CLOSED', 'UND_ERR_DESTROYED'].includes(code) || (cause !== undefined && isConnectionError(cause))
}
