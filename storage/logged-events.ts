/** What reads the change log of a store, whatever that is in. */
import type { LoggedEvent, Sequence } from './contract.js'

export interface OpenLog {
  /** Entries after `after`, ascending, at most `limit`. */
  events (after: Sequence, limit: number): Promise<LoggedEvent[]>
  /** The last that was there when this was asked. */
  lastSequence (): Promise<Sequence>
  close (): Promise<void>
}
