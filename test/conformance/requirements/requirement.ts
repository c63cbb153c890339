/** One line of what is promised. */
export interface Requirement {
  readonly id: string
  readonly text: string
  /** A feature that this server does not offer: what is tested is that nothing of it is advertised, and that requests for it do no harm. */
  readonly unoffered?: string
}

type Line = Omit<Requirement, 'id'>

/** The lines of a prefix, numbered from `first` on. */
export function numbered (prefix: string, first: number, lines: readonly (string | Line)[]): Requirement[] {
  return lines.map((line, index) => ({ id: `${prefix}-${String(first + index).padStart(2, '0')}`, ...typeof line === 'string' ? { text: line } : line }))
}

/** A line about a feature that this server does not offer. */
export const unoffered = (text: string, feature: string): Line => ({ text, unoffered: feature })

export const queues = 'queues'
export const domains = 'domains'
export const access = 'access control lists'
export const exported = 'exports'
export const snapshots = 'snapshots'
export const encryption = 'operations on encrypted objects'
export const versions = 'versions'
export const retention = 'retention'
