/** What a worker of the load does with data objects: all ways to make, change, copy, move and remove them, in one request or in several. */
import { FormData } from 'undici'
import type { Chance } from './chance.js'
import { cdmiObject, type LoadClient } from './load-client.js'
import type { Effect, LoadModel } from './load-model.js'
import { type SocketDoor, socketDoors } from './load-sockets.js'

/** Of values kept in the record, and of longer ones. */
const sizes = [10, 300, 5000, 64 * 1024, 64 * 1024 + 1, 100_000, 300_000] as const

/** One value of so many is a long one. */
const longValues = 25

/** Parts of a value that come in requests of their own. */
interface Series {
  readonly parts: Array<{ readonly offset: number, readonly bytes: Buffer, readonly header: string }>
  /** How many of them were acknowledged. */
  done: number
  /** The value with all of them. */
  readonly whole: Buffer
}

export const place = '/cdmi/2.0.0/load/'

export class LoadObjects {
  readonly #model: LoadModel
  readonly #worker: number
  readonly #urls: string[] = []
  readonly #series = new Map<string, Series>()
  readonly #longest: number
  readonly #chance: Chance
  #made = 0

  /** `longest`: bytes of a value that is made now and then, beside the usual ones. */
  constructor (model: LoadModel, worker: number, longest: number, chance: Chance) {
    this.#model = model
    this.#worker = worker
    this.#longest = longest
    this.#chance = chance
  }

  #newURL (): string {
    const url = `${this.#made % 3 === 0 ? '/data/' : place}w${this.#worker}-${this.#made++}`
    this.#urls.push(url)
    return url
  }

  async step (client: LoadClient): Promise<void> {
    const url = this.#chance.one(this.#urls)
    const action = url === undefined ? 0 : this.#chance.int(20)
    if (url === undefined || action < 4) return await this.#put(client, this.#newURL())
    if (action === 4) return await this.#form(client)
    const bytes = this.#model.content(url)?.bytes
    if (action < 7 && this.#model.at(url) !== undefined) return await this.#remove(client, url)
    const series = this.#seriesOf(url)
    if (series !== undefined) return await this.#sendPart(client, url, series)
    if (url.startsWith('/data/') || action < 9) return await this.#put(client, url)
    if (action < 13) return await this.#beginSeries(client, url, bytes ?? Buffer.alloc(0))
    if (bytes === undefined) return await this.#put(client, url)
    if (action < 15) return await this.#patch(client, url, bytes, this.#chance.int(bytes.length + 100))
    if (action === 15) return await this.#patch(client, url, bytes, bytes.length)
    if (action < 18) return await this.#copy(client, url, bytes)
    return await this.#move(client, url)
  }

  async #put (client: LoadClient, url: string): Promise<void> {
    if (url.startsWith('/data/')) {
      const body = Buffer.from(JSON.stringify({ random: this.#chance.bytes(this.#chance.int(1, 60_000)).toString('base64') }))
      const method = this.#model.at(url) === undefined ? 'POST' : 'PUT'
      return await client.send({ method, url, headers: { 'content-type': 'application/json' }, body, door: this.#door() }, to(url, body))
    }
    const value = this.#chance.int(longValues) === 0 ? this.#chance.bytes(this.#longest) : this.#someBytes()
    if (this.#chance.int(3) === 0) await client.send({ method: 'PUT', url, headers: cdmiObject, body: cdmiBody(value) }, to(url, value))
    else await client.send({ method: 'PUT', url, body: value }, to(url, value))
  }

  /** Two objects in one request. */
  async #form (client: LoadClient): Promise<void> {
    const form = new FormData()
    const effect = new Map<string, { bytes: Buffer, id: undefined }>()
    for (let file = 0; file < 2; file++) {
      const bytes = this.#someBytes()
      const name = `w${this.#worker}-form-${this.#made++}`
      form.append('file', new Blob([Uint8Array.from(bytes)]), name)
      this.#urls.push(place + name)
      effect.set(place + name, { bytes, id: undefined })
    }
    await client.send({ method: 'POST', url: place, headers: { accept: 'application/json' }, body: form }, effect)
  }

  async #patch (client: LoadClient, url: string, before: Buffer, offset: number): Promise<void> {
    const part = this.#chance.bytes(this.#chance.int(1, 100_000))
    const effect = new Map([[url, { bytes: over(before, part, offset), id: this.#model.content(url)?.id }]])
    const range = rangeOf(part, offset)
    if (this.#chance.int(2) === 0) await client.send({ method: 'PATCH', url: `${url}?value=${range}`, headers: cdmiObject, body: cdmiBody(part) }, effect)
    else await client.send({ method: 'PATCH', url, headers: { 'content-range': `bytes ${range}/*` }, body: part }, effect)
  }

  async #remove (client: LoadClient, url: string): Promise<void> {
    await client.send({ method: 'DELETE', url, door: url.startsWith('/data/') ? this.#door() : undefined }, new Map([[url, undefined]]))
    // What has come of its parts is garbage now.
    this.#series.delete(url)
  }

  /** To a new place, or over what is there. */
  async #copy (client: LoadClient, source: string, bytes: Buffer): Promise<void> {
    const others = this.#urls.filter(url => url.startsWith(place) && url !== source && !this.#series.has(url))
    const url = this.#chance.int(2) === 0 ? this.#chance.one(others) : undefined
    const target = url ?? this.#newPlace()
    await client.send({ method: 'PUT', url: target, headers: cdmiObject, body: json({ copy: pathOf(source) }) }, to(target, bytes))
  }

  /** For keyed objects, which all three doors have. */
  #door (): SocketDoor | undefined {
    return this.#chance.one([undefined, ...socketDoors])
  }

  #someBytes (): Buffer {
    return this.#chance.bytes(this.#chance.one(sizes) ?? 1)
  }

  #newPlace (): string {
    const url = `${place}w${this.#worker}-${this.#made++}`
    this.#urls.push(url)
    return url
  }

  async #move (client: LoadClient, source: string): Promise<void> {
    const content = this.#model.content(source)
    const target = this.#newPlace()
    await client.send({ method: 'PUT', url: target, headers: cdmiObject, body: json({ move: pathOf(source) }) }, new Map([[source, undefined], [target, content]]))
  }

  async #beginSeries (client: LoadClient, url: string, old: Buffer): Promise<void> {
    const pieces = Array.from({ length: 3 }, () => this.#chance.bytes(this.#chance.int(2) === 0 ? this.#chance.int(1, 2000) : this.#chance.int(1, 80_000)))
    const offsets = pieces.map((_, index) => pieces.slice(0, index).reduce((sum, piece) => sum + piece.length, 0))
    const fresh = Buffer.concat(pieces)
    const kind = this.#chance.int(3)
    const id = `upload-id=s${this.#made++}`
    const header = [undefined, `${id};count=3;replace=true`, `${id};range=0-${fresh.length - 1};replace=false`][kind]
    const order = [0, 1, 2].sort(() => this.#chance.int(3) - 1)
    const series: Series = {
      parts: order.map((at, index) => ({ offset: offsets[at] ?? 0, bytes: pieces[at] ?? fresh, header: header ?? String(index < 2) })),
      done: 0,
      whole: kind === 1 ? fresh : over(old, fresh, 0)
    }
    this.#series.set(url, series)
    await this.#sendPart(client, url, series)
  }

  /** The series that is open on an object; none, when the server had the last part, or had removed the object with its parts, before it died. */
  #seriesOf (url: string): Series | undefined {
    const series = this.#series.get(url)
    if (series === undefined) return undefined
    const isWhole = series.done === 2 && this.#model.content(url)?.bytes.equals(series.whole) === true
    const isGone = series.done > 0 && this.#model.at(url) === undefined
    if (!isWhole && !isGone) return series
    this.#series.delete(url)
    return undefined
  }

  /** The next part, or once more the one that was under way when the server died. */
  async #sendPart (client: LoadClient, url: string, series: Series): Promise<void> {
    const part = series.parts[series.done]
    if (part === undefined) throw new Error(`${url} has no part left`)
    const last = series.done === 2
    const { bytes, offset, header } = part
    const state = this.#model.at(url)
    const headers = { 'x-cdmi-partial': header, 'content-range': `bytes ${rangeOf(bytes, offset)}/*` }
    const effect = last ? new Map([[url, { bytes: series.whole, id: this.#model.content(url)?.id }]]) : new Map([[url, state ?? 'waiting' as const]])
    await client.send({ method: 'PUT', url, headers, body: bytes }, effect)
    series.done++
    if (last) this.#series.delete(url)
  }
}

function to (url: string, bytes: Buffer): Effect {
  return new Map([[url, { bytes, id: undefined }]])
}

function over (before: Buffer, part: Buffer, offset: number): Buffer {
  const after = Buffer.alloc(Math.max(before.length, offset + part.length))
  after.set(before)
  after.set(part, offset)
  return after
}

function rangeOf (bytes: Buffer, offset: number): string {
  return `${offset}-${offset + bytes.length - 1}`
}

/** A value as CDMI writes bytes. */
function cdmiBody (value: Buffer): Buffer {
  return json({ valuetransferencoding: 'base64', value: value.toString('base64') })
}

export function json (fields: object): Buffer {
  return Buffer.from(JSON.stringify(fields))
}

/** As bodies name objects. */
export function pathOf (url: string): string {
  return url.slice('/cdmi/2.0.0'.length)
}
