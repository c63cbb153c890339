/**
 * Pins: while a connection has one, no blob is condemned, so that all that a snapshot names stays, for however long a backup takes to copy it. Who condemns has the same lock
 * for himself for as long as that takes: what is condemned before a pin had no reference then, and is in no snapshot that is taken after it. A pin ends with its
 * connection, however that ends.
 */
import type { Names } from './names.js'

const lock = ({ seed }: Names): string => `(hashtextextended('pin', ${seed}))`

/** An expression that is true when there is no pin, and keeps them away until the end of the transaction. */
export function tryCondemning (names: Names): string {
  return `pg_try_advisory_xact_lock${lock(names)}`
}

/** A statement that waits until nobody condemns, and sets a pin for the connection. */
export function setPin (names: Names): string {
  return `select pg_advisory_lock_shared${lock(names)}`
}
