/** How often others have had their turn during some work. */
export async function turnsOf<T> (work: () => Promise<T>): Promise<{ all: T, turns: number }> {
  let turns = 0
  let counting = true
  const turn = (): void => {
    turns++
    if (counting) setImmediate(turn)
  }
  setImmediate(turn)
  try {
    const all = await work()
    return { all, turns }
  } finally {
    counting = false
  }
}
