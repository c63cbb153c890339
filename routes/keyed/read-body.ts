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
    // Undefined once it has ended. The listeners stay, and go with the request: to take them off would cost more than to have them do nothing. But a connection
    // that waits for its next request keeps the last one, and is not to keep its body: nothing that they reach may lead to that.
    let reading: Reading | undefined = { resolve, reject, chunks: [], whole: undefined, size: 0 }
    const onData = (chunk: Buffer): void => {
      if (reading === undefined) return
      reading.size += chunk.length
      if (reading.size > limit) refuse(tooLong(limit))
      else take(reading, chunk, length)
    }
    const onEnd = (): void => {
      if (reading === undefined) return
      const { size } = reading
      if (length !== undefined && size !== length) return refuse(new IncompleteBody(`The body has ${size} bytes where ${length} were announced; nothing was stored`))
      const { resolve, whole, chunks } = reading
      reading = undefined
      resolve(whole ?? (chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size)))
    }
    // Each request closes, and an error costs a tenth of a create: it is made where there is something to refuse.
    const onBroken = (): void => { if (reading !== undefined) refuse(new IncompleteBody('The connection ended before the whole body had arrived; nothing was stored')) }
    function refuse (error: Error): void {
      if (reading === undefined) return
      const { reject } = reading
      reading = undefined
      stream.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken)
      // An error may still come (the client gives up on seeing the refusal) and is nobody's business then.
      stream.on('error', () => {})
      stream.pause()
      reject(error)
    }
    if (stream.readableEnded && (length ?? 0) === 0) onEnd()
    else if (stream.destroyed || stream.readableEnded) onBroken()
    else stream.on('data', onData).on('end', onEnd).on('error', onBroken).on('close', onBroken)
  })
}

/** A body of which not all has come. */
interface Reading {
  readonly resolve: (body: Buffer) => void
  readonly reject: (error: Error) => void
  readonly chunks: Buffer[]
  /** Where the chunks are put together, when it is known how many bytes there will be. */
  whole: Buffer | undefined
  size: number
}

/** `size` has these bytes in it. */
function take (reading: Reading, chunk: Buffer, length: number | undefined): void {
  const { chunks, whole, size } = reading
  if (whole !== undefined) {
    // At once, while it is in the processor's cache.
    chunk.copy(whole, size - chunk.length)
    return
  }
  chunks.push(chunk)
  // No memory is taken for a body of which hardly anything has come.
  if (length === undefined || size >= length || size < length / 32) return
  reading.whole = Buffer.allocUnsafe(length)
  let at = 0
  for (const early of chunks) at += early.copy(reading.whole, at)
  chunks.length = 0
}

const tooLong = (limit: number) => new TooLarge(`The body is longer than ${limit} bytes, the limit of this server for a JSON record; nothing was stored`)
