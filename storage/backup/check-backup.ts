/** Reads all that a backup consists of, and compares it with its checksums. */
import { StorageError } from '../contract.js'
import type { Phase, ProgressListener } from '../transfer/progress.js'
import type { ReadablePlace } from './backup-place.js'
import { bytesOfKept } from './backup-source.js'
import type { KeptBlob } from './lines.js'
import type { Manifest } from './manifest.js'
import { type Part, readPart } from './parts.js'

/** `tell` is given each problem, a sentence that names the file. Throws what is no damage: a disk that cannot be read. Answers how many problems there are. */
export async function checkBackup (place: ReadablePlace, { lists, counts }: Manifest, options: { readonly signal: AbortSignal, readonly progress: ProgressListener, readonly tell: (problem: string) => void }): Promise<number> {
  const { signal, progress } = options
  let problems = 0
  const look = async <T> (work: () => Promise<T>): Promise<T | undefined> => {
    signal.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof StorageError && (error.reason === 'corrupt' || error.reason === 'missing'))) throw error
      problems++
      options.tell(error.message)
      return undefined
    }
  }
  const lines = async (phase: Phase, parts: readonly Part[]): Promise<void> => {
    let done = 0
    const total = parts.reduce((sum, { count }) => sum + count, 0)
    for (const part of parts) {
      await look(async () => await readPart(place, part))
      progress({ phase, done: done += part.count, total })
    }
  }
  await lines('records', lists.records)
  await lines('log', lists.log)
  let bytes = 0
  for (const part of lists.blobs) {
    for (const kept of await look(async () => await readPart<KeptBlob>(place, part)) ?? []) {
      await look(async () => {
        for await (const chunk of bytesOfKept(place, kept)) progress({ phase: 'values', done: bytes += chunk.length, total: counts.bytes })
      })
    }
  }
  return problems
}
