/** Of numbers that were measured several times. */

export function median (numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  const half = sorted.length >> 1
  const upper = sorted[half] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? 0) + upper) / 2
}

/** A quarter is less: where other work only ever adds to what is measured, it is steadier than the median. */
export function lowerQuartile (numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 2] ?? 0
}

/** Round by round: the machine has fast minutes and slow ones, which both sides of a pair share. */
export function ratios (numbers: readonly number[], to: readonly number[]): number[] {
  return numbers.flatMap((number, index) => {
    const other = to[index]
    return other === undefined || other === 0 ? [] : [number / other]
  })
}

export function sum (numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
