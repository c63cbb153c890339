/** Bodies of requests as sources of values. */
import type { IncomingMessage } from 'node:http'
import { finished, type Readable } from 'node:stream'
import { IncompleteBody } from '../../cdmi/errors.js'
import type { ValueSource } from '../../cdmi/values.js'

/** Bytes of a body that may have arrived before they are asked for. */
const heldAtMost = 256 * 1024

/**
 * The body of a request, read as it is asked for (back-pressure). A connection that is lost before its end is IncompleteBody.
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
  #forget: () => void = () => {}

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

  #begin (): void {
    this.#state = 'flowing'
    this.#forget = finished(this.#body, { writable: false }, error => { this.#end(error == null) })
    this.#body.on('data', this.#push)
    // Somebody who looked at it before may have stopped it.
    this.#body.resume()
  }

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

  #end (whole: boolean): void {
    this.#state = whole ? 'whole' : 'cut'
    this.#forget()
    this.#body.off('data', this.#push)
    if (!whole) this.#asked?.reject(cutOff())
    else if (this.#chunks.length === 0) this.#asked?.resolve({ done: true, value: undefined })
    this.#asked = undefined
  }

  /** What was held back goes back: the next reader finds all that this one has not given away. */
  #leave (): void {
    this.#forget()
    this.#body.pause()
    this.#body.off('data', this.#push)
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
