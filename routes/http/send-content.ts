/** Values on their way to a client: one piece when small, else a stream with back-pressure. */
import { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { Content } from '../../cdmi/values.js'
import { whenAnswered } from './answer-end.js'

/** Up to so many bytes are sent in one piece. */
export const onePiece = 1024 * 1024

/** Up to so many bytes of a value in files are read in one piece, too: a stream would cost more than the memory. */
export const oneRead = 128 * 1024

/** Up to so many bytes a body goes out as text: Node writes it together with the head then, in one call to the system instead of two buffers. */
export const shortText = 16 * 1024

/** A body that is known to be UTF-8, in the form in which it costs least to send. */
export function asShortText (bytes: Uint8Array): Uint8Array | string {
  return bytes.length <= shortText ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString() : bytes
}

/** What an answer is made of, in order. */
export type Piece = Uint8Array | Content

const isContent = (piece: Piece): piece is Content => !(piece instanceof Uint8Array)

/**
 * Sends the pieces as the body, with its exact length. What cannot be read at all is thrown, with nothing sent; a failure later
 * cuts the connection, so that nobody takes half a value for a whole one.
 */
export async function sendPieces (reply: FastifyReply, pieces: readonly Piece[], length: number): Promise<FastifyReply> {
  if (length <= onePiece) {
    const body = await inOnePiece(pieces, length)
    return reply.header('content-length', String(length)).send(body)
  }
  return sendStream(reply.header('content-length', String(length)), await LentStream.of(inChunks(pieces), length))
}

/** The common case of the above, without a list; and without a wait where the bytes are there. */
export function sendContent (reply: FastifyReply, content: Content): FastifyReply | Promise<FastifyReply> {
  if (content.bytes !== undefined) return reply.header('content-length', String(content.length)).send(content.bytes)
  return content.length <= oneRead ? sendPieces(reply, [content], content.length) : sendLent(reply, content)
}

async function sendLent (reply: FastifyReply, content: Content): Promise<FastifyReply> {
  return sendStream(reply.header('content-length', String(content.length)), await LentStream.of(content.stream({ lent: true }), content.length))
}

/** Sends it, and ends it with the answer: one that waits behind another when the connection ends is not told so, and what the stream reads would stay open. */
export function sendStream (reply: FastifyReply, stream: ChunkStream): FastifyReply {
  whenAnswered(reply.raw, () => { stream.answered() })
  return reply.send(stream)
}

async function inOnePiece (pieces: readonly Piece[], length: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for (const piece of pieces) parts.push(isContent(piece) ? await piece.read() : piece)
  const [only] = parts
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts, length)
}

async function * inChunks (pieces: readonly Piece[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    if (isContent(piece)) yield * piece.stream({ lent: true })
    else yield piece
  }
}

/**
 * Like Readable.from(), for an iterator that has been started: destroying the stream ends the iterator in any case, so that the
 * files behind it are closed.
 */
export class ChunkStream extends Readable {
  readonly #chunks: AsyncIterator<Uint8Array>
  #next: IteratorResult<Uint8Array> | undefined
  #exhausted = false

  protected constructor (chunks: AsyncIterator<Uint8Array>, first: IteratorResult<Uint8Array>) {
    super()
    this.#chunks = chunks
    this.#next = first
  }

  /** Waits for the first chunk, so that what cannot be read at all is thrown here. */
  static async begin (source: AsyncIterable<Uint8Array>): Promise<ChunkStream> {
    const chunks = source[Symbol.asyncIterator]()
    return new ChunkStream(chunks, await chunks.next())
  }

  /** The answer has come to its end, well or not. */
  answered (): void {
    // Who reads this elsewhere, and has not seen the end of it yet, would never see one.
    if (!this.#exhausted) this.destroy()
  }

  override _read (): void {
    this.#pull().catch((error: unknown) => { this.destroy(error as Error) })
  }

  async #pull (): Promise<void> {
    const { done, value } = await this.nextChunk()
    if (!this.destroyed) this.push(done === true ? null : this.kept(value))
  }

  protected async nextChunk (): Promise<IteratorResult<Uint8Array>> {
    const next = this.#next ?? await this.#chunks.next()
    this.#next = undefined
    this.#exhausted ||= next.done === true
    return next
  }

  /** A chunk as it may stay in buffers of this and other streams. */
  protected kept (chunk: Uint8Array): Uint8Array {
    return chunk
  }

  override _destroy (error: Error | null, callback: (error?: Error | null) => void): void {
    this.endChunks().then(() => { callback(error) }, () => { callback(error) })
  }

  /** Nobody wants any more of them. */
  protected async endChunks (): Promise<void> {
    await this.#chunks.return?.(undefined)
  }
}

/**
 * The same for chunks that are lent (`GetOptions`), of a known length altogether. Piped into the response itself, each is written as it is and the next
 * one asked for when the system has taken its bytes: no layer of streams in between, and no moment at which they could be another client's. Whatever else
 * stands between, like a hook that compresses, gets copies.
 */
export class LentStream extends ChunkStream {
  readonly #length: number
  /** All of the bytes, where the first chunk has them. */
  readonly #whole: Uint8Array | undefined
  /** Who takes the chunks: whoever reads this as a stream, in copies, or the response itself, as one piece or one by one. Two would get what the other has given back. */
  #taker: 'nobody' | 'reader' | 'response' | 'whole' = 'nobody'
  #sent = false

  /** `length`: Infinity where it is not known. */
  private constructor (chunks: AsyncIterator<Uint8Array>, first: IteratorResult<Uint8Array>, length: number) {
    super(chunks, first)
    this.#length = length
    this.#whole = first.done !== true && first.value.length === length ? first.value : undefined
  }

  static async of (source: AsyncIterable<Uint8Array>, length: number): Promise<LentStream> {
    const chunks = source[Symbol.asyncIterator]()
    return new LentStream(chunks, await chunks.next(), length)
  }

  protected override kept (chunk: Uint8Array): Uint8Array {
    return Buffer.from(chunk)
  }

  override _read (): void {
    if (this.#taker === 'response' || this.#taker === 'whole') return
    this.#taker = 'reader'
    super._read()
  }

  override pipe<T extends NodeJS.WritableStream> (destination: T, options?: { end?: boolean }): T {
    // Whoever has put a `write` of his own there, to compress or to record, may keep what he gets, and may never say that he has taken it.
    if (!(destination instanceof ServerResponse) || destination.write !== ServerResponse.prototype.write || destination.end !== ServerResponse.prototype.end || !this.#isUntouched()) return super.pipe(destination, options)
    if (this.#whole !== undefined && options?.end !== false) {
      this.#taker = 'whole'
      destination.end(this.#whole, () => { this.#sent = true })
      // For whoever has sent this: there is nothing more to come, and nothing to be ended early.
      this.emit('end')
      return destination
    }
    this.#taker = 'response'
    this.#send(destination, options?.end !== false).catch((error: unknown) => { this.destroy(error as Error) })
    return destination
  }

  /** A hook may listen to what goes out, or count it, or may have ended it. */
  #isUntouched (): boolean {
    return this.#taker === 'nobody' && !this.destroyed && this.readableFlowing === null && this.listenerCount('data') === 0 && this.listenerCount('readable') === 0
  }

  override answered (): void {
    if (this.#taker !== 'whole') super.answered()
    else if (this.#sent) this.#giveBack().catch((error: unknown) => { this.destroy(error as Error) })
    else this.endChunks().catch(() => {})
  }

  /** Who asks for the chunk behind is done with what he has. */
  async #giveBack (): Promise<void> {
    for (let { done } = await this.nextChunk(); done !== true;) ({ done } = await this.nextChunk())
  }

  override _destroy (error: Error | null, callback: (error?: Error | null) => void): void {
    // The answer has the piece yet, and says when it is done with it.
    if (this.#taker === 'whole') callback(error)
    else super._destroy(error, callback)
  }

  async #send (response: ServerResponse, end: boolean): Promise<void> {
    /** A short chunk: it goes out together with the next one. */
    let held: Uint8Array | undefined
    for (let left = this.#length; left > 0;) {
      const { done, value } = await this.nextChunk()
      if (done === true) break
      left -= value.length
      if (held === undefined && left > 0 && value.length <= heldSize) {
        held = this.kept(value)
        continue
      }
      await write(response, held, value)
      held = undefined
      // The chunk is not given back then: nobody knows what has become of it.
      if (this.destroyed || response.destroyed) return
    }
    if (held !== undefined) response.write(held)
    // Gives back the last chunk. The client has its bytes, and does not wait for that.
    const ended = this.nextChunk()
    if (end) this.once('end', () => { response.end() })
    this.push(null)
    this.resume()
    await ended
  }
}

/** Longest chunk that is held back for a moment. */
const heldSize = 4096

/** In one call to the system, with the head of the answer if that has not gone out yet. */
async function write (response: ServerResponse, before: Uint8Array | undefined, bytes: Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    response.cork()
    if (before !== undefined) response.write(before)
    response.write(bytes, error => { if (error == null) resolve(); else reject(error) })
    response.uncork()
  })
}
