/** One of many clients that are there and want little. */

export interface Place {
  readonly url: string
  readonly authorization: string
}

export interface Member {
  leave (): void
}

/** Comes in; rejects when it is not let in. `left`: it has ended, whoever ended it. `number`: no other one of its kind has it. */
export type Join = (place: Place, left: () => void, number: number) => Promise<Member>
