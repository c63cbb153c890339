/** What became of a tree that was exported or imported. */
export interface TreeReport {
  containers: number
  objects: number
  references: number
  /** Of values. */
  bytes: number
  /** Of them, those that were there already and have stayed as they were. */
  kept: number
  /** What could not be done; each was told. */
  problems: number
}

export interface TreeOptions {
  readonly signal: AbortSignal
  /** Bytes that are done, of so many. */
  readonly progress: (progress: { readonly phase: 'values', readonly done: number, readonly total: number | undefined }) => void
  /** Is told what could not be done: a sentence. `note`: it was done all the same. */
  readonly tell: (problem: string, note?: boolean) => void
}

export function emptyReport (): TreeReport {
  return { containers: 0, objects: 0, references: 0, bytes: 0, kept: 0, problems: 0 }
}

/** Values on their way at once. */
const inFlight = 8

/** The same for each, several at a time; answers in their order. The first error ends it when those on their way are done. */
export async function eachOf<T, R> (items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const waiting = [...items.entries()]
  const failures: unknown[] = []
  await Promise.all(Array.from({ length: inFlight }, async () => {
    for (let next = waiting.shift(); next !== undefined && failures.length === 0; next = waiting.shift()) {
      const [at, item] = next
      await work(item).then(result => { results[at] = result }, (error: unknown) => { failures.push(error) })
    }
  }))
  if (failures.length > 0) throw failures[0]
  return results
}
