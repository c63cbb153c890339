/** Requests that know how much of their body has come. */
import { IncomingMessage } from 'node:http'

/**
 * For `IncomingMessage` of a server of Node. It has no part in who reads the body, or when.
 *
 * A class, and not a `push` given to each request: what hangs on such a request outlives it until all memory is looked through, which costs a small write a tenth.
 */
export class CountedRequest extends IncomingMessage {
  /** Bytes of the body, without what holds chunks together. */
  received = 0
  /** Is told of each piece: how many bytes it has. */
  onReceived: ((bytes: number) => void) | undefined

  override push (chunk: Uint8Array | null, encoding?: BufferEncoding): boolean {
    if (chunk !== null) {
      this.received += chunk.length
      this.onReceived?.(chunk.length)
    }
    return super.push(chunk, encoding)
  }
}

/** 0 of a request that comes from no connection (`inject`). */
export function receivedOf (request: IncomingMessage): number {
  return request instanceof CountedRequest ? request.received : 0
}
