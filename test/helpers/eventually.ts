/** For what happens soon, but without an answer that could be waited for. */

/** Asks again and again until the answer is true; throws after a minute. `what` says what was waited for. */
export async function eventually (what: string, condition: () => boolean | Promise<boolean>, milliseconds = 60_000): Promise<void> {
  const end = performance.now() + milliseconds
  while (!await condition()) {
    if (performance.now() > end) throw new Error(`it never happened that ${what}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}
