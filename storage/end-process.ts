/** What is done when the process must not go on. */

/** Is told why, once. Who has the process then sees to its end. */
export type End = (error: Error) => void

/** An exception that nobody catches: the way that every process ends by which has been told nothing else. */
export function endProcess (error: Error): void {
  setImmediate(() => { throw error })
}
