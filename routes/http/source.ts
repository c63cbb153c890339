/** Bodies of requests as sources of values. */
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { IncompleteBody } from '../../cdmi/errors.js'
import type { ValueSource } from '../../cdmi/values.js'

/** Bytes of a body that may have arrived before they are asked for. */
const heldAtMost = 256 * 1024

/**
 * The body of a request (or another stream that emits `close` whenever it is over), read as it is asked for (back-pressure). A connection that is lost before its end is IncompleteBody.
 * Whoever stops early leaves the stream usable: what is left of the body may still be drained.
 */
export function bodyOf (body: Readable): AsyncIterableIterator<Uint8Array> {
  return new BodyChunks(body)
}

/** What Readable's own iterator does, with one promise a chunk in place of several, and without a stop of the socket after each. */
class BodyChunks implements AsyncIterableIterator<Uint8Array> {
  readonly #body: Readable
  #chunks: Uint8Array[] = []
  #held = 0
  #state: 'new' | 'flowing' | 'paused' | 'whole' | 'cut' | 'left' = 'new'
  #asked: { resolve (result: IteratorResult<Uint8Array>): void, reject (error: Error): void } | undefined

  constructor (body: Readable) {
    this.#body = body
  }

  [Symbol.asyncIterator] (): this {
    return this
  }

  async next (): Promise<IteratorResult<Uint8Array>> {
    if (this.#state === 'new') this.#begin()
    if (this.#state === 'cut') throw cutOff()
    const value = this.#chunks.shift()
    if (value !== undefined) {
      this.#held -= value.length
      if (this.#state === 'paused' && this.#held < heldAtMost) {
        this.#state = 'flowing'
        this.#body.resume()
      }
      return { done: false, value }
    }
    if (this.#state !== 'flowing') return { done: true, value: undefined }
    return await new Promise((resolve, reject) => { this.#asked = { resolve, reject } })
  }

  async return (): Promise<IteratorResult<Uint8Array>> {
    if (this.#state === 'flowing' || this.#state === 'paused') this.#leave()
    this.#chunks = []
    if (this.#state !== 'cut') this.#state = 'left'
    this.#asked?.resolve({ done: true, value: undefined })
    this.#asked = undefined
    return { done: true, value: undefined }
  }

  /** By events: what `finished` of Node does besides costs a small upload as much as all the rest here. */
  #begin (): void {
    this.#state = 'flowing'
    const { readableEnded, destroyed } = this.#body
    if (readableEnded || destroyed) {
      this.#end(readableEnded)
      return
    }
    this.#body.on('data', this.#push).on('end', this.#whole).on('error', this.#cut).on('close', this.#cut)
    // Somebody who looked at it before may have stopped it.
    this.#body.resume()
  }

  readonly #whole = (): void => { this.#end(true) }
  readonly #cut = (): void => { this.#end(false) }

  readonly #push = (chunk: Uint8Array): void => {
    const asked = this.#asked
    if (asked !== undefined) {
      this.#asked = undefined
      asked.resolve({ done: false, value: chunk })
      return
    }
    this.#chunks.push(chunk)
    this.#held += chunk.length
    if (this.#held < heldAtMost || this.#state !== 'flowing') return
    this.#state = 'paused'
    this.#body.pause()
  }

  /** The first time counts: an end is followed by `close`. */
  #end (whole: boolean): void {
    if (this.#state !== 'flowing' && this.#state !== 'paused') return
    this.#state = whole ? 'whole' : 'cut'
    if (!whole) {
      this.#forget()
      this.#asked?.reject(cutOff())
    } else if (this.#chunks.length === 0) this.#asked?.resolve({ done: true, value: undefined })
    this.#asked = undefined
  }

  /** Not of a body that has ended: its listeners go with it, and to take them off would cost more. */
  #forget (): void {
    this.#body.off('data', this.#push).off('end', this.#whole).off('error', this.#cut).off('close', this.#cut)
  }

  /** What was held back goes back: the next reader finds all that this one has not given away. */
  #leave (): void {
    this.#body.pause()
    this.#forget()
    if (this.#body.readableEnded || this.#body.destroyed) return
    for (const chunk of this.#chunks.reverse()) this.#body.unshift(chunk)
  }
}

const cutOff = (): Error => new IncompleteBody('The connection was lost before the end of the body; nothing was stored')

/** Bytes that the client has announced; undefined for chunked bodies. The HTTP parser sees to it that not one more comes. */
export function announcedLength (request: IncomingMessage): number | undefined {
  const length = request.headers['content-length']
  return length === undefined ? undefined : Number(length)
}

/** Reads a body that must be empty; false at its first byte. */
export async function isEmpty (source: ValueSource): Promise<boolean> {
  for await (const chunk of source) {
    if (chunk.length > 0) return false
  }
  return true
}
