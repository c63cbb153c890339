/** What is on account in an embedded store, in the snapshot of this turn of the event loop. */
import type { Account, Amount, Miscount, Usage } from '../contract.js'
import { Deltas, kindOf, noAmount, subjectOf, sumOf } from '../usage.js'
import { accountKey, isPast, isPastInTree, openAmount, openCounting, readAmount, readCounting, type Counting } from './counting.js'
import { ownerOf } from './record-codec.js'
import { idText } from '../object-key.js'
import { stateKeys, type Tables } from './tables.js'
import { memberOf, walkIn } from './tree-rows.js'

export function usageIn ({ state, usage }: Tables, account: Account): Usage | undefined {
  const { trees, ...others } = openCounting(state.getBinary(stateKeys.counting))
  const kind = kindOf(account)
  const counting = kind === 'trees' ? trees?.[subjectOf(account)] : others[kind]
  if (counting === undefined) return undefined
  const row = usage.getBinary(accountKey(account))
  // A container whose children nobody has counted yet.
  if (row === undefined && kind === 'children') return undefined
  return { ...row === undefined ? noAmount : openAmount(account, row), whole: counting === true }
}

/** Records after which it is forgotten what was found out about containers: there may be very many. */
const mostRemembered = 10_000

/** Equal to nothing. */
const unreadable: Amount = { bytes: NaN, objects: NaN }

/** What is left of others means nothing, and goes when they are counted. */
function isCounted ({ trees = {}, ...others }: Counting, account: Account): boolean {
  const kind = kindOf(account)
  return (kind === 'trees' ? trees[subjectOf(account)] : others[kind]) !== undefined
}

/** The account of a row; undefined: its key is none that was ever written. */
export function accountAt (key: Buffer): Account | undefined {
  const account = key.toString() as Account
  return accountKey(account).equals(key) ? account : undefined
}

/** In one go: nobody else has a turn before all records were looked at. */
export function miscountsIn (tables: Tables): Miscount[] {
  const counting = readCounting(tables.state.getBinary(stateKeys.counting))
  // That is told with the state of the store, and of no account can be said how it should be.
  if (counting === undefined) return []
  const noted = new Map<Account, Amount>()
  for (const { key, value } of tables.usage.getRange({ start: Buffer.from([0]) })) {
    const account = accountAt(key)
    if (account !== undefined && isCounted(counting, account)) noted.set(account, readAmount(key, value) ?? unreadable)
  }
  const deltas = new Deltas()
  const hasTrees = Object.keys(counting.trees ?? {}).length > 0
  if (counting.owners !== undefined || hasTrees) {
    const walk = walkIn(tables, () => counting)
    let looked = 0
    for (const { key, value } of tables.records.getRange({ start: Buffer.from([0]) })) {
      if (++looked % mostRemembered === 0) walk.clear()
      const member = memberOf(idText(key), value)
      if (isPast(counting, key)) deltas.owned(ownerOf(value), undefined, member)
      if (hasTrees) for (const tree of walk.ofMember(member)) if (isPastInTree(counting, tree, member.id)) deltas.within(tree, undefined, member)
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
