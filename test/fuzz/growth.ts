/** Whether a server has grown under what it was asked. */
import type { Readings } from './subject.js'

const mebibyte = 1024 ** 2
/** A collector of garbage works when it has to: memory goes up and down by so much without anything being kept. */
const swing = 64 * mebibyte
/** Files of values that are kept open for the next reader. */
const spare = 16

/**
 * `during`: readings while it was attacked, in their order; `after`: when all had ended. The first quarter is for caches to fill. What is kept of each
 * request would show as least memory that rises from quarter to quarter.
 */
export function judgeGrowth (during: readonly Readings[], after: Readings): string[] {
  const wrong: string[] = []
  const [first] = during
  if (first === undefined) return wrong
  if (during.length >= 40) {
    const least = (from: number, to: number): number => Math.min(...during.slice(Math.floor(during.length * from), Math.floor(during.length * to)).map(({ memory }) => memory))
    const [second, last] = [least(0.25, 0.5), least(0.75, 1)]
    if (last - second > swing) wrong.push(`memory has grown from ${Math.round(second / mebibyte)} to ${Math.round(last / mebibyte)} MiB between the second and the last quarter`)
  }
  if (after.descriptors > first.descriptors + spare) wrong.push(`descriptors have grown from ${first.descriptors} to ${after.descriptors}`)
  if (after.open > 0) wrong.push(`the server believes that ${after.open} uploads or sockets are open, when none is`)
  if (after.temporary > 0) wrong.push(`${after.temporary} temporary files are left`)
  return wrong
}
