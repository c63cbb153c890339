/** Hashes of values (MET-16, MET-47): wanted by data system metadata, made while a value is written whole, else when somebody looks. */
import { LRUCache } from 'lru-cache'
import type { JsonObject, Store, StoredRecord } from '../storage/contract.js'
import { attributesOf } from './record.js'
import { beginHash, endHash, type HashAlgorithm, hashAlgorithms, type ValueHash } from './value-hash.js'
import { openContents } from './values.js'

/** The algorithm that metadata asks for: of the object itself, else what it inherits. Others than ours are not acted on. */
export function wantedHash (own: Readonly<Record<string, unknown>> | undefined, inherited: JsonObject): HashAlgorithm | undefined {
  const name = own?.['cdmi_value_hash'] ?? inherited['cdmi_value_hash']
  return hashAlgorithms.find(algorithm => algorithm === name)
}

/** Hashes made of values as they are read. */
const remembered = 10_000

export class ValueHashes {
  readonly #store: Store
  /** It grows: `max` would take the room of all of them at once, though hardly anybody asks for one. */
  readonly #made = new LRUCache<string, string>({ maxSize: remembered, sizeCalculation: () => 1 })
  /** By the same keys: who looks while it is made waits for it, and makes no second one. */
  readonly #making = new Map<string, Promise<string | undefined>>()

  constructor (store: Store) {
    this.#store = store
  }

  /** The hash of an object's value when one is wanted; undefined when not, or when the object was changed meanwhile. At once where it is known. */
  of (record: StoredRecord, inherited: JsonObject): ValueHash | undefined | Promise<ValueHash | undefined> {
    const { metadata, hash } = attributesOf(record)
    const algorithm = wantedHash(metadata, inherited)
    if (algorithm === undefined) return undefined
    if (hash?.[0] === algorithm) return { algorithm, hex: hash[1] }
    const key = `${algorithm} ${record.id} ${record.version}`
    const known = this.#made.get(key)
    return known === undefined ? this.#madeNow(record, algorithm, key) : { algorithm, hex: known }
  }

  async #madeNow (record: StoredRecord, algorithm: HashAlgorithm, key: string): Promise<ValueHash | undefined> {
    let making = this.#making.get(key)
    if (making === undefined) {
      making = this.#make(record, algorithm).finally(() => this.#making.delete(key))
      this.#making.set(key, making)
    }
    const hex = await making
    if (hex === undefined) return undefined
    this.#made.set(key, hex)
    return { algorithm, hex }
  }

  /** Undefined: the object was changed meanwhile. */
  async #make (record: StoredRecord, algorithm: HashAlgorithm): Promise<string | undefined> {
    const [content] = await openContents(this.#store, record, [{ offset: 0, length: record.size }]) ?? []
    if (content === undefined) return undefined
    const made = beginHash(algorithm)
    for await (const chunk of content.stream()) made.update(chunk)
    return endHash(made)
  }
}
