/** Streams of bytes for the tests of parsers that must not care how a stream is cut. */
import fc from 'fast-check'

/** The bytes in chunks of these sizes, over and over. */
export async function * inChunks (bytes: Uint8Array | string, sizes: readonly number[] = [Infinity]): AsyncGenerator<Uint8Array> {
  const all = Buffer.from(bytes)
  for (let at = 0, n = 0; at < all.length; n++) {
    const end = at + (sizes[n % sizes.length] ?? 1)
    yield Uint8Array.from(all.subarray(at, end))
    at = end
  }
}

/** A stream without end, and a promise for the moment when its reader lets go of it. */
export function endless (chunk: string): { source: AsyncIterable<Uint8Array>, released: Promise<void> } {
  let release = (): void => {}
  const released = new Promise<void>(resolve => { release = resolve })
  async function * source (): AsyncGenerator<Uint8Array> {
    try { for (;;) yield Buffer.from(chunk) } finally { release() }
  }
  return { source: source(), released }
}

export async function gather (source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  // Copies: some chunks are only lent.
  for await (const chunk of source) chunks.push(Uint8Array.from(chunk))
  return Buffer.concat(chunks)
}

/** Ways to cut a stream, with many chunks of one byte. */
export const chunkSizes = fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 40 })), { minLength: 1, maxLength: 8 })
