/** What processes that were killed had acknowledged, and whether it is there. */
import { readdir } from 'node:fs/promises'
import type { BlobID, Store } from '../../storage/contract.js'
import { valueOf } from './children/known-values.js'
import { readValue } from './driver.js'

/** Adds what a commit loop has printed. */
export function noteAcknowledged (acknowledged: Map<string, string>, lines: readonly string[]): void {
  for (const line of lines) {
    const [id, number] = line.split(' ')
    if (id !== undefined && number !== undefined) acknowledged.set(id, number)
  }
}

/** Compares the store with the acknowledgements: each object is at the last acknowledged number or at the one after it. */
export async function differences (store: Store, acknowledged: ReadonlyMap<string, string>): Promise<string[]> {
  const wrong: string[] = []
  for (const [id, last] of acknowledged) {
    const record = await store.meta.get(id)
    if (record === undefined) {
      if (last !== 'gone' && last !== '5') wrong.push(`${id} is gone after ${last}`)
      continue
    }
    if (last === 'gone') wrong.push(`${id} is back`)
    else if (record.version !== Number(last) && record.version !== Number(last) + 1) wrong.push(`${id} is at ${record.version} after ${last}`)
    else if (!valueOf(id, record.version).equals(await readValue(store, record))) wrong.push(`${id} has other bytes`)
  }
  return wrong
}

/** Files that no object needs, or that are missing: 0 when all is well. */
export async function surplusFiles (store: Store, directory: string): Promise<number> {
  const named = new Set<BlobID>()
  const entries = await store.meta.children(store.rootID, { limit: 1_000_000 })
  for (const { id } of entries) for (const { blob } of (await store.meta.segments(id, 0, 1_000_000))?.segments ?? []) named.add(blob)
  // Beside the marks of the place.
  const files = (await readdir(directory, { recursive: true, withFileTypes: true })).filter(entry => entry.isFile() && !(['values', '.fastify-cdmi-store'].includes(entry.name) && entry.parentPath === directory))
  return files.length - named.size
}
