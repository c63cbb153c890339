/** Accounts and limits as the database has them. The name of an owner is written there as it is in JSON, for the database finds it in JSON text. */
import type { DatabaseError } from 'pg'
import type { Account, AccountLimit, ObjectID, Refused } from '../contract.js'
import { hasSqlState } from './database-errors.js'

/** Raised by `check_limit`. */
const limitExceeded = 'CD002'
const slotsTaken = 'CD003'
/** Raised by `count_trees`. */
const leavesTrees = 'CD004'

const owner = 'owner:'

export function accountText (account: Account): string {
  return account.startsWith(owner) ? owner + JSON.stringify(account.slice(owner.length)).slice(1, -1) : account
}

export function accountOf (text: string): Account {
  return (text.startsWith(owner) ? owner + String(JSON.parse(`"${text.slice(owner.length)}"`)) : text) as Account
}

export function limitsText (limits: readonly AccountLimit[]): string {
  return JSON.stringify(limits.map(({ account, bytes, objects }) => [accountText(account), bytes ?? null, objects ?? null]))
}

/** The limit that a change did not keep; undefined: it has failed otherwise. */
export function refusedOf (error: unknown): Refused | undefined {
  if (!hasSqlState(error, limitExceeded)) return undefined
  const [account, on, used, more, limit] = JSON.parse(detailOf(error)) as [string, Refused['on'], number, number, number]
  return { status: 'refused', account: accountOf(account), on, used, more, limit }
}

/** The container that would leave its trees; undefined: it has failed otherwise. */
export function boundBy (error: unknown): ObjectID | undefined {
  return hasSqlState(error, leavesTrees) ? detailOf(error).toUpperCase() : undefined
}

/** The account all slots of which somebody else has for himself. */
export function crowdedAccount (error: unknown): string | undefined {
  return hasSqlState(error, slotsTaken) ? detailOf(error) : undefined
}

const detailOf = ({ detail = '' }: DatabaseError): string => detail
