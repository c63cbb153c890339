/** A request body in memory, up to a limit. */
import type { Readable } from 'node:stream'
import { IncompleteBody, TooLarge } from '../../cdmi/errors.js'

/**
 * Reads it whole. `announced`: the Content-Length, if there is one. Throws TooLarge, without reading when the announced length
 * says so, and IncompleteBody when another number of bytes comes.
 *
 * By events and not by iteration: to leave an iteration early destroys the request, and with it the socket that the 413 is to go out on.
 */
export function readBody (stream: Readable, announced: string | undefined, limit: number): Promise<Buffer> {
  const length = announced === undefined ? undefined : Number(announced)
  if (length !== undefined && length > limit) return Promise.reject(tooLong(limit))
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    /** Where the chunks are put together, when it is known how many bytes there will be. */
    let whole: Buffer | undefined
    let size = 0
    let isWhole = false
    const onData = (chunk: Buffer) => {
      size += chunk.length
      if (size > limit) return end(tooLong(limit))
      if (whole !== undefined) {
        // At once, while it is in the processor's cache.
        chunk.copy(whole, size - chunk.length)
        return
      }
      chunks.push(chunk)
      // No memory is taken for a body of which hardly anything has come.
      if (length === undefined || size >= length || size < length / 32) return
      whole = Buffer.allocUnsafe(length)
      let at = 0
      for (const early of chunks) at += early.copy(whole, at)
      chunks.length = 0
    }
    const onEnd = () => {
      end(length !== undefined && size !== length ? new IncompleteBody(`The body has ${size} bytes where ${length} were announced; nothing was stored`) : undefined)
    }
    const onBroken = () => { if (!isWhole) end(new IncompleteBody('The connection ended before the whole body had arrived; nothing was stored')) }
    function end (error?: Error): void {
      if (error === undefined) {
        // The listeners stay, and go with the request: to take them off would cost more than to have them do nothing.
        isWhole = true
        resolve(whole ?? (chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size)))
        return
      }
      stream.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken)
      // An error may still come (the client gives up on seeing the refusal) and is nobody's business then.
      stream.on('error', () => {})
      stream.pause()
      reject(error)
    }
    if (stream.destroyed || stream.readableEnded) {
      end(stream.readableEnded && (length ?? 0) === 0 ? undefined : new IncompleteBody('The connection ended before the whole body had arrived; nothing was stored'))
      return
    }
    stream.on('data', onData).on('end', onEnd).on('error', onBroken).on('close', onBroken)
  })
}

const tooLong = (limit: number) => new TooLarge(`The body is longer than ${limit} bytes, the limit of this server for a JSON record; nothing was stored`)
