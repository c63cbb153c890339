/** Values on their way to a client: one piece when small, else a stream with back-pressure. */
import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { Content } from '../../cdmi/values.js'

/** Up to so many bytes are sent in one piece. */
export const onePiece = 1024 * 1024

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
  return reply.header('content-length', String(length)).send(await ChunkStream.begin(inChunks(pieces)))
}

/** The common case of the above, without a list; and without a wait where the bytes are there. */
export function sendContent (reply: FastifyReply, content: Content): FastifyReply | Promise<FastifyReply> {
  if (content.bytes !== undefined) return reply.header('content-length', String(content.length)).send(content.bytes)
  return sendPieces(reply, [content], content.length)
}

async function inOnePiece (pieces: readonly Piece[], length: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for (const piece of pieces) parts.push(isContent(piece) ? await piece.read() : piece)
  const [only] = parts
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts, length)
}

async function * inChunks (pieces: readonly Piece[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    if (isContent(piece)) yield * piece.stream()
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

  private constructor (chunks: AsyncIterator<Uint8Array>, first: IteratorResult<Uint8Array>) {
    super()
    this.#chunks = chunks
    this.#next = first
  }

  /** Waits for the first chunk, so that what cannot be read at all is thrown here. */
  static async begin (source: AsyncIterable<Uint8Array>): Promise<ChunkStream> {
    const chunks = source[Symbol.asyncIterator]()
    return new ChunkStream(chunks, await chunks.next())
  }

  override _read (): void {
    this.#pull().catch((error: unknown) => { this.destroy(error as Error) })
  }

  async #pull (): Promise<void> {
    const { done, value } = this.#next ?? await this.#chunks.next()
    this.#next = undefined
    if (!this.destroyed) this.push(done === true ? null : value)
  }

  override _destroy (error: Error | null, callback: (error?: Error | null) => void): void {
    const ended = this.#chunks.return?.(undefined) ?? Promise.resolve()
    ended.then(() => { callback(error) }, () => { callback(error) })
  }
}
