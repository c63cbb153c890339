/** A change of the contract as the database takes it: one JSON document, and the bytes of the inline values. Names of fields are short, for there may be thousands. */
import type { BlobBirth, Change, CommitResult, ObjectID, RecordPut, Segment } from '../contract.js'
import { checkPlace, idKey } from '../object-key.js'

export interface EncodedChange {
  readonly json: string
  readonly bytes: Buffer
}

/** Locks that one change takes at most; one that wants more takes the whole store for itself, for the server has room for so many only. */
const mostLocks = 100

/** Throws for what cannot be stored at all. */
export function encodeChange (change: Change): EncodedChange {
  const { put: puts = [], remove: removals = [], births = [] } = change
  const sources = puts.flatMap(({ segments }) => segments.kind === 'copy' ? [{ id: segments.from, version: segments.version }] : [])
  const unchanged = [...change.expect, ...sources]
  const changed = puts.filter(({ version }) => version > 1)
  const fresh = puts.filter(({ version }) => version <= 1)
  const alone = puts.length + removals.length === 1
  const { list, bytes } = encodePuts(puts)
  const json = {
    ...locksOf(hexes(unchanged), hexes([...removals, ...changed]), hexes(fresh)),
    check: [
      ...unchanged.map(({ id, version }) => [hex(id), version]),
      ...removals.map(({ id, version }) => [hex(id), version]),
      ...puts.map(({ id, version }) => [hex(id), version - 1])
    ],
    put: list,
    // A single new object learns of another one when it is entered.
    ...(alone && fresh.length === 1 ? {} : { placed: true }),
    ...(puts.length > 1 && changed.length > 0 ? { shuffled: true } : {}),
    ...filledOnly({
      new: hexes(fresh),
      changed: hexes(changed),
      // Names that these have may be taken by others.
      leaving: alone ? [] : hexes([...changed, ...removals]),
      remove: removals.map(({ id, subtree }) => [hex(id), subtree]),
      clear: hexes([...removals, ...changed.filter(({ segments }) => segments.kind === 'replace' || segments.kind === 'copy')]),
      splice: puts.flatMap(({ id, segments }) => segments.kind === 'splice' ? [{ i: hex(id), o: segments.offset, l: segments.length }] : []),
      copy: puts.flatMap(({ id, segments }) => segments.kind === 'copy' ? [[hex(id), hex(segments.from)]] : []),
      segments: puts.flatMap(put => segmentsOf(put).map(({ offset, length, blob, blobOffset }) => [hex(put.id), offset, length, blob, blobOffset])),
      events: change.events.map(event => JSON.stringify(event))
    }),
    ...blobsOf(puts, births),
    ...(births.length === 0 ? {} : { lease: change.lease ?? '' })
  }
  return { json: JSON.stringify(json), bytes }
}

/** Each change has what it changes for itself, and shares what must stay as it is. */
function locksOf (shared: readonly string[], own: readonly string[], fresh: readonly string[]): Record<string, unknown> {
  if (shared.length + own.length > mostLocks) return { whole: true }
  // Nobody waits for what does not exist yet: a tree that is made can do without.
  return { shared, own: shared.length + own.length + fresh.length > mostLocks ? own : [...own, ...fresh] }
}

function encodePuts (puts: readonly RecordPut[]): { list: unknown[], bytes: Buffer } {
  const values: Uint8Array[] = []
  let filled = 0
  const list = puts.map(put => {
    checkPlace(put)
    const { inline } = put
    const place = put.parentID === undefined || put.name === undefined ? {} : { p: hex(put.parentID), n: Buffer.from(put.name).toString('hex') }
    const value = inline === undefined ? {} : { o: filled, l: inline.length }
    if (inline !== undefined) {
      values.push(inline)
      filled += inline.length
    }
    const source = put.segments.kind === 'copy' ? { f: hex(put.segments.from) } : {}
    return { i: hex(put.id), v: put.version, t: put.type, s: put.size, a: JSON.stringify(put.attributes), ...place, ...value, ...source }
  })
  return { list, bytes: Buffer.concat(values) }
}

/** Blobs that are born, and whether something names them; and those of before that are named, with one who does. */
function blobsOf (puts: readonly RecordPut[], births: readonly BlobBirth[]): Record<string, readonly unknown[]> {
  const named = new Map(puts.flatMap(put => segmentsOf(put).map(({ blob }) => [blob, hex(put.id)] as const)))
  const born = births.map(({ blob, size, hash }) => [blob, size, hash, named.has(blob)])
  for (const { blob } of births) named.delete(blob)
  return filledOnly({ births: born, blobs: [...named] })
}

function segmentsOf ({ segments }: RecordPut): readonly Segment[] {
  return 'segments' in segments ? segments.segments : []
}

/** Lower case, as the database writes it. Throws a RangeError for what is no ID. */
function hex (id: ObjectID): string {
  return idKey(id).toString('hex')
}

function hexes (records: ReadonlyArray<{ readonly id: ObjectID }>): string[] {
  return records.map(({ id }) => hex(id))
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
