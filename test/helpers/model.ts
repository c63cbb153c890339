/** A model over a store in memory, with segments small enough that a few bytes make several. */
import { type Address, objectIDRoot, parseAddress } from '../../cdmi/address.js'
import { Cdmi } from '../../cdmi/model.js'
import type { Principal } from '../../cdmi/principal.js'
import type { Store } from '../../storage/contract.js'
import { openMemoryStore } from '../../storage/memory/memory-store.js'

export const writer: Principal = { name: 'writer', authentication: 'basic', access: 'write' }
export const reader: Principal = { name: 'reader', authentication: 'basic', access: 'read' }

export function smallStore (): Store {
  return openMemoryStore({ inlineLimit: 8, segmentSize: 16, trashGrace: 0 })
}

export function at (path: string): Address {
  const address = parseAddress(path)
  if (address === objectIDRoot) throw new Error('not an address of an object')
  return address
}

export async function * source (...chunks: ReadonlyArray<string | Uint8Array>): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk)
}

/** The whole value of an object, through the stream. */
export async function valueOf (model: Cdmi, path: string): Promise<Buffer> {
  const { contents } = await model.dataObjects.read(writer, at(path), object => [{ offset: 0, length: object.record.size }])
  const parts: Uint8Array[] = []
  for await (const chunk of contents[0]?.stream() ?? []) parts.push(chunk)
  return Buffer.concat(parts)
}

export { Cdmi }
