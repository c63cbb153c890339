/** Listings on their way to a client: in one piece when they are short, else a stream with back-pressure. */
import type { FastifyReply } from 'fastify'
import type { NamePage } from '../../storage/contract.js'
import type { NameWriter } from './name-text.js'
import { asShortText, ChunkStream, sendStream } from './send-content.js'

/** Bytes of text that are gathered before a listing goes out as a stream. */
const gathered = 64 * 1024

export interface ListingText {
  /** What stands before the names. */
  readonly head: string
  readonly pages: AsyncIterable<NamePage> | Iterable<NamePage>
  readonly write: NameWriter
  /** What stands behind them. */
  readonly tail: string
}

/** Sends it. A store that cannot be read at the beginning throws here, with nothing sent; later that cuts the connection. */
export async function sendNames (reply: FastifyReply, { head, pages, write, tail }: ListingText): Promise<FastifyReply> {
  const iterator = Symbol.asyncIterator in pages ? pages[Symbol.asyncIterator]() : pages[Symbol.iterator]()
  const chunks: Uint8Array[] = [Buffer.from(head)]
  let size = head.length
  while (size < gathered) {
    const next = await iterator.next()
    if (next.done === true) {
      const body = Buffer.concat([...chunks, Buffer.from(tail)])
      return reply.header('content-length', String(body.length)).send(asShortText(body))
    }
    for (const chunk of write(next.value)) {
      size += chunk.length
      chunks.push(chunk)
    }
  }
  return sendStream(reply, await ChunkStream.begin(text(chunks, iterator, write, tail)))
}

async function * text (begun: readonly Uint8Array[], rest: AsyncIterator<NamePage> | Iterator<NamePage>, write: NameWriter, tail: string): AsyncGenerator<Uint8Array> {
  try {
    yield * begun
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield * write(next.value)
    yield Buffer.from(tail)
  } finally {
    // The reader may have gone away in the middle.
    await rest.return?.()
  }
}
