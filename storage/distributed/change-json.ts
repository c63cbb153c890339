/** A change of the contract as the database takes it: one JSON document, and the bytes of the inline values. Names of fields are short, for there may be thousands. */
import type { Change, CommitResult, ObjectID, RecordPut } from '../contract.js'
import { checkPlace, idKey } from '../object-key.js'

export interface EncodedChange {
  readonly json: string
  readonly bytes: Buffer
}

/** Locks that one change takes at most; one that wants more takes the whole store for itself, for the server has room for so many only. */
const mostLocks = 100

/** Throws for what cannot be stored at all. */
export function encodeChange (change: Change): EncodedChange {
  const puts = change.put ?? []
  const removals = change.remove ?? []
  const births = change.births ?? []
  const bytes: Uint8Array[] = []
  let filled = 0
  const sources = puts.flatMap(({ segments }) => segments.kind === 'copy' ? [{ id: segments.from, version: segments.version }] : [])
  const unchanged = [...change.expect, ...sources]
  const changed = puts.filter(({ version }) => version > 1)
  const fresh = puts.filter(({ version }) => version <= 1)
  const shared = new Set(unchanged.map(({ id }) => hex(id)))
  const own = new Set([...removals, ...changed].map(({ id }) => hex(id)))
  // Nobody waits for what does not exist: a tree that is made needs no locks but those of what it hangs in.
  if (shared.size + own.size + fresh.length <= mostLocks) for (const { id } of fresh) own.add(hex(id))
  const named = new Set(puts.flatMap(({ segments }) => 'segments' in segments ? segments.segments.map(({ blob }) => blob) : []))
  const born = new Set(births.map(({ blob }) => blob))
  const known = new Map(puts.flatMap(({ id, segments }) => 'segments' in segments ? segments.segments.flatMap(({ blob }) => born.has(blob) ? [] : [[blob, hex(id)] as const]) : []))
  const json = {
    ...(shared.size + own.size > mostLocks ? { whole: true } : { own: [...own], shared: [...shared] }),
    ...(births.length > 0 ? { lease: change.lease ?? '', births: births.map(({ blob, size, hash }) => [blob, size, hash, named.has(blob)]) } : {}),
    check: [
      ...unchanged.map(({ id, version }) => [hex(id), version]),
      ...removals.map(({ id, version }) => [hex(id), version]),
      ...puts.map(({ id, version }) => [hex(id), version - 1])
    ],
    ...filledOnly({
      new: fresh.map(({ id }) => hex(id)),
      changed: changed.map(({ id }) => hex(id)),
      // Names that these have may be taken by others.
      leaving: puts.length + removals.length > 1 ? [...changed, ...removals].map(({ id }) => hex(id)) : [],
      remove: removals.map(({ id, subtree }) => [hex(id), subtree]),
      clear: [...removals, ...changed.filter(({ segments }) => segments.kind === 'replace' || segments.kind === 'copy')].map(({ id }) => hex(id)),
      blobs: [...known],
      splice: puts.flatMap(({ id, segments }) => segments.kind === 'splice' ? [{ i: hex(id), o: segments.offset, l: segments.length }] : []),
      copy: puts.flatMap(({ id, segments }) => segments.kind === 'copy' ? [[hex(id), hex(segments.from)]] : []),
      segments: puts.flatMap(({ id, segments }) => 'segments' in segments ? segments.segments.map(({ offset, length, blob, blobOffset }) => [hex(id), offset, length, blob, blobOffset]) : []),
      events: change.events.map(event => JSON.stringify(event))
    }),
    ...(puts.some(({ name }) => name !== undefined) ? { placed: true } : {}),
    ...(puts.length > 1 && changed.length > 0 ? { shuffled: true } : {}),
    put: puts.map(put => {
      checkPlace(put)
      const { inline } = put
      const at = filled
      if (inline !== undefined) {
        bytes.push(inline)
        filled += inline.length
      }
      return {
        i: hex(put.id),
        v: put.version,
        t: put.type,
        s: put.size,
        a: JSON.stringify(put.attributes),
        ...(put.parentID === undefined || put.name === undefined ? {} : { p: hex(put.parentID), n: Buffer.from(put.name).toString('hex') }),
        ...(inline === undefined ? {} : { o: at, l: inline.length }),
        ...(put.segments.kind === 'copy' ? { f: hex(put.segments.from) } : {})
      }
    })
  }
  return { json: JSON.stringify(json), bytes: Buffer.concat(bytes) }
}

/** Lower case, as the database writes it. Throws a RangeError for what is no ID. */
function hex (id: ObjectID): string {
  return idKey(id).toString('hex')
}

/** Without the lists that are empty: whether one is there is what the database asks. */
function filledOnly<T extends Record<string, readonly unknown[]>> (lists: T): Partial<T> {
  const kept: Partial<T> = {}
  for (const name in lists) if (lists[name] !== undefined && lists[name].length > 0) kept[name] = lists[name]
  return kept
}

/** Two objects of one change that want the same name: the database would be asked in vain. */
export function twinOf (puts: readonly RecordPut[]): ObjectID | undefined {
  const places = new Map<string, ObjectID>()
  if (puts.length < 2) return undefined
  for (const { id, parentID, name } of puts) {
    if (parentID === undefined || name === undefined) continue
    const place = `${parentID}/${name}`
    const other = places.get(place)
    if (other !== undefined) return other
    places.set(place, id)
  }
  return undefined
}

/** What `commit_change` answers. */
export interface Answer {
  readonly sequence?: number
  readonly on?: 'version' | 'name' | 'lease'
  readonly id?: string
}

export function resultOf ({ sequence = 0, on, id = '' }: Answer): CommitResult {
  switch (on) {
    case undefined: return { status: 'committed', sequence }
    case 'lease': return { status: 'conflict', on }
    default: return { status: 'conflict', on, id: id.toUpperCase() }
  }
}
