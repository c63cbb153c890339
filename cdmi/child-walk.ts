/** Children, their children, and so on (ECL-04 to ECL-06), in the order of their names, with a stack of its own: no tree is too deep for it. */
import type { Entry, ObjectID } from '../storage/contract.js'
import { isContainerEntry } from './record.js'

/** A child; `down`: what follows is in the container that was last; `up`: that was all there is in it. */
export type WalkStep = Entry | 'down' | 'up'

/** Reads the children of a container after a name: some, and none at the end. */
export type ReadPage = (container: ObjectID, after: string | undefined) => Promise<readonly Entry[]>

/** Steps that are handed out at a time. */
const batchSize = 64
/** Children of all levels that are held in memory; beyond, those of the upper levels are read again on the way back. */
const held = 20_000

/** One level of the way down. */
interface Level {
  /** Undefined: the top, whose pages come from somewhere else. */
  readonly container: ObjectID | undefined
  page: readonly Entry[]
  at: number
  last: string | undefined
}

/** Memory holds one page of the top, and a bounded number of children below it. */
export async function * walkChildren (top: AsyncIterable<readonly Entry[]>, readPage: ReadPage): AsyncGenerator<readonly WalkStep[]> {
  const topPages = top[Symbol.asyncIterator]()
  const levels: Level[] = [{ container: undefined, page: [], at: 0, last: undefined }]
  // Levels below this index (but the top) hold no page.
  let emptied = 1
  let inMemory = 0
  let batch: WalkStep[] = []

  async function refill (level: Level): Promise<void> {
    inMemory -= level.container === undefined ? 0 : level.page.length
    level.at = 0
    if (level.container === undefined) {
      const { done, value } = await topPages.next()
      level.page = done === true ? [] : value
      return
    }
    level.page = await readPage(level.container, level.last)
    inMemory += level.page.length
    while (inMemory > held && emptied < levels.length - 1) {
      const upper = levels[emptied++]
      if (upper === undefined) continue
      inMemory -= upper.page.length
      upper.page = []
    }
  }

  try {
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      if (level.at >= level.page.length) await refill(level)
      const entry = level.page[level.at]
      if (entry === undefined) {
        levels.pop()
        emptied = Math.max(1, Math.min(emptied, levels.length - 1))
        if (levels.length > 0) batch.push('up')
      } else {
        level.at++
        level.last = entry.name
        batch.push(entry)
        if (isContainerEntry(entry)) {
          batch.push('down')
          levels.push({ container: entry.id, page: [], at: 0, last: undefined })
        }
      }
      if (batch.length < batchSize) continue
      yield batch
      batch = []
    }
    if (batch.length > 0) yield batch
  } finally {
    await topPages.return?.()
  }
}
