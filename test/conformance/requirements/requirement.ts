/** One line of what is promised. */
export interface Requirement {
  readonly id: string
  readonly text: string
  /** Why neither a test nor a case of the suite names it yet. */
  readonly later?: string
  /** It is about what is offered: cases that need what is not offered do not wait, for it they have no subject. */
  readonly ofOffered?: true
}

/** The lines of a prefix, numbered from `first` on. */
export function numbered (prefix: string, first: number, lines: readonly (string | { readonly text: string, readonly later: string })[]): Requirement[] {
  return lines.map((line, index) => ({ id: `${prefix}-${String(first + index).padStart(2, '0')}`, ...typeof line === 'string' ? { text: line } : line }))
}

/** A line that waits for a later step. */
export const waiting = (text: string, later: string): { readonly text: string, readonly later: string } => ({ text, later })

export const queues = 'queues'
export const domains = 'domains'
export const access = 'access control'
export const exported = 'exports'
export const snapshots = 'snapshots'
export const encryption = 'encrypted objects'
export const versions = 'versions'
export const slow = 'operations that are answered before they are done'
