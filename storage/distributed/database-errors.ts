/** From what PostgreSQL and the way to it say to what the contract says. */
import { DatabaseError } from 'pg'
import { StorageError, type StorageReason } from '../contract.js'

/** SQLSTATE of a server that takes no writes. */
export const readOnly = '25006'

/** By SQLSTATE or its first two characters (its class). What is in neither is a fault of ours, and is passed on as it is. */
const reasons: Readonly<Record<string, StorageReason>> = {
  // The server does not take the connection, or not this user.
  '08': 'unavailable',
  28: 'permission',
  42501: 'permission',
  // Tables or functions are missing: somebody has removed them, or a newer build has changed them.
  '3F': 'format',
  '42P01': 'format',
  42883: 'format',
  '3D': 'unavailable',
  // A standby, or a server that was told to take no writes.
  [readOnly]: 'unavailable',
  // Resources, locks that did not come, shut-downs, trouble of the system.
  53: 'unavailable',
  53100: 'full',
  40: 'unavailable',
  55: 'unavailable',
  57: 'unavailable',
  58: 'unavailable',
  XX001: 'corrupt',
  XX002: 'corrupt'
}

/** The StorageError for what went wrong on the way or in the server; anything else is passed on. `doing` is half a sentence: "reading x". */
export function toDatabaseError (error: unknown, doing: string): unknown {
  if (error instanceof StorageError) return error
  if (!(error instanceof DatabaseError)) return new StorageError('unavailable', `${doing}: ${sentenceOf(error)}`, { cause: error })
  const code = error.code ?? ''
  const reason = reasons[code] ?? reasons[code.slice(0, 2)]
  return reason === undefined ? error : new StorageError(reason, `${doing}: ${error.message} (${code})`, { cause: error })
}

/** The one of many addresses that were tried says more than their sum. */
export function sentenceOf (error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(sentenceOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}

/** Whether the connection on which this happened can be used for nothing more. */
export function isBroken (error: unknown): boolean {
  if (!(error instanceof DatabaseError)) return true
  const code = error.code ?? ''
  // A server that became a standby is left, so that the next connection finds its successor; statements that a migration has overtaken are parsed again.
  return code.startsWith('08') || code.startsWith('57P') || code === readOnly || code === '0A000' || error.severity === 'FATAL'
}

/** Whether a server that knows does not let us in: no other one is asked then, for a wrong password may lock the user out. */
export function isRefused (error: unknown): boolean {
  return error instanceof DatabaseError && error.code?.startsWith('28') === true
}

/** Whether the same may succeed when it is tried again: others were in the way, or have migrated the tables, and nothing has happened. */
export function isCollision (error: unknown): boolean {
  return hasSqlState(error, '40001', '40P01', '0A000')
}

export function hasSqlState (error: unknown, ...codes: readonly string[]): error is DatabaseError {
  return error instanceof DatabaseError && codes.includes(error.code ?? '')
}
