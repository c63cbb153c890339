/** How a transfer says how far it is. */

export type Phase = 'values' | 'records' | 'log'

export interface Progress {
  readonly phase: Phase
  /** Of `values` bytes, of others records or entries. */
  readonly done: number
  /** About; undefined: nobody knows. */
  readonly total: number | undefined
}

export type ProgressListener = (progress: Progress) => void
