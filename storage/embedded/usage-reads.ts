/** What is on account in an embedded store, in the snapshot of this turn of the event loop. */
import type { Account, Amount, Miscount, Usage } from '../contract.js'
import { Deltas, noAmount, sumOf } from '../usage.js'
import { accountKey, decodeAmount, decodeCounting, isPast, kindOf } from './counting.js'
import { ownerOf, sizeOf, typeOf } from './record-codec.js'
import { idText } from '../object-key.js'
import { stateKeys, type Tables } from './tables.js'

export function usageIn ({ state, usage }: Tables, account: Account): Usage | undefined {
  const counting = decodeCounting(state.getBinary(stateKeys.counting))[kindOf(account)]
  if (counting === undefined) return undefined
  const row = usage.getBinary(accountKey(account))
  // A container whose children nobody has counted yet.
  if (row === undefined && kindOf(account) === 'children') return undefined
  return { ...row === undefined ? noAmount : decodeAmount(row), whole: counting === true }
}

/** In one go: nobody else has a turn before all records were looked at. */
export function miscountsIn (tables: Tables): Miscount[] {
  const counting = decodeCounting(tables.state.getBinary(stateKeys.counting))
  const noted = new Map<Account, Amount>()
  for (const { key, value } of tables.usage.getRange({ start: Buffer.from([0]) })) noted.set(key.toString() as Account, decodeAmount(value))
  const deltas = new Deltas()
  if (counting.owners !== undefined) {
    for (const { key, value } of tables.records.getRange({ start: Buffer.from([0]) })) {
      if (isPast(counting, key)) deltas.owned(ownerOf(value), undefined, { type: String.fromCharCode(typeOf(value)), size: sizeOf(value) })
    }
  }
  const found = new Map<Account, Amount>(deltas.accounts)
  if (counting.children === true) {
    for (const { key } of tables.entries.getRange({ start: Buffer.from([0]) })) {
      const account: Account = `children:${idText(key, 1, 1 + (key[0] ?? 0))}`
      // Others are not counted yet.
      if (noted.has(account)) found.set(account, sumOf(found.get(account) ?? noAmount, { bytes: 0, objects: 1 }))
    }
  }
  return [...new Set([...noted.keys(), ...found.keys()])].map(account => ({ account, noted: noted.get(account) ?? noAmount, found: found.get(account) ?? noAmount }))
    .filter(({ noted, found }) => noted.bytes !== found.bytes || noted.objects !== found.objects)
}
