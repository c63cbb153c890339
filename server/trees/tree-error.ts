/** The directory cannot be taken. */
export class TreeError extends Error {
  override readonly name = 'TreeError'
}
