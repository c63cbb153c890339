/** Turns at a named thing, one after the other, first come first served. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>()

  /** Resolves when it is the caller's turn; the caller must call what it gets to end it. */
  async take (subject: string): Promise<() => void> {
    const before = this.#last.get(subject)
    let end: () => void = () => {}
    const mine = new Promise<void>(resolve => { end = resolve })
    this.#last.set(subject, mine)
    await before
    return () => {
      if (this.#last.get(subject) === mine) this.#last.delete(subject)
      end()
    }
  }
}
