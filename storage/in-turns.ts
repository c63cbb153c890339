/** Work on very many things in one process: others have their turn in between. */
import { setImmediate } from 'node:timers/promises'

/** Things in one turn of the event loop: some milliseconds, at a few microseconds each. */
export const inOneTurn = 200

/** Calls for each, in their order. */
export async function eachInTurns<T> (items: readonly T[], each: (item: T) => void): Promise<void> {
  for (const [index, item] of items.entries()) {
    if (index % inOneTurn === inOneTurn - 1) await setImmediate()
    each(item)
  }
}
