/** Bytes that are compressed, or not any more, while they pass. */
import { type Transform, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip, gzipSync } from 'node:zlib'

/** Much of what can be had, for a third of the time. */
const level = 4
/** Bytes of a value that are tried, and the part of them that must be left for compression not to be worth its time. */
const tried = 32 * 1024
const worthless = 0.9

/** Whether bytes that begin like this become shorter by it. */
export function isWorthIt (beginning: Uint8Array): boolean {
  const sample = beginning.subarray(0, tried)
  return gzipSync(sample, { level: 1 }).length < sample.length * worthless
}

export async function * gzipped (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield * through(source, createGzip({ level }))
}

/** Throws what zlib says when the bytes are not compressed ones, or are too few. */
export async function * gunzipped (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield * through(source, createGunzip())
}

async function * through (source: AsyncIterable<Uint8Array>, transform: Transform): AsyncGenerator<Uint8Array> {
  const feeding = pipeline(Readable.from(source, { objectMode: false }), transform)
  // It ends the transform with the same error.
  feeding.catch(() => {})
  for await (const chunk of transform) yield chunk as Uint8Array
  await feeding
}
