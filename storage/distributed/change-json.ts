/** A change of the contract as the database takes it: one JSON document, and the bytes of the inline values. Names of fields are short, for there may be thousands. */
import { setImmediate } from 'node:timers/promises'
import type { BlobBirth, Change, CommitResult, ObjectID, RecordPut } from '../contract.js'
import { checkPlace, idKey } from '../object-key.js'

export interface EncodedChange {
  readonly json: string
  readonly bytes: Buffer
}

/** Locks that one change takes at most; one that wants more takes the whole store for itself, for the server has room for so many only. */
const mostLocks = 100

/** Entries that are encoded in one turn of the event loop. */
const atOnce = 1000

/** Writes one JSON object, field by field. Whether a list is there is what the database asks: an empty one is left out. */
class ObjectText {
  readonly #fields: string[] = []

  field (name: string, value: unknown): void {
    this.#fields.push(`"${name}":${JSON.stringify(value)}`)
  }

  /** Others have their turn while many are encoded. */
  async list<T> (name: string, items: readonly T[], encode: (item: T) => unknown): Promise<void> {
    if (items.length === 0) return
    const texts: string[] = []
    for (const item of items) {
      if (texts.push(JSON.stringify(encode(item))) % atOnce === 0) await setImmediate()
    }
    this.#fields.push(`"${name}":[${texts.join(',')}]`)
  }

  end (): string {
    return `{${this.#fields.join(',')}}`
  }
}

interface Versioned { readonly id: ObjectID, readonly version: number }

/** Throws for what cannot be stored at all. */
export async function encodeChange (change: Change): Promise<EncodedChange> {
  const { put: puts = [], remove: removals = [], births = [] } = change
  const sources = puts.flatMap(({ segments }) => segments.kind === 'copy' ? [{ id: segments.from, version: segments.version }] : [])
  const unchanged: readonly Versioned[] = [...change.expect, ...sources]
  const changed = puts.filter(({ version }) => version > 1)
  const fresh = puts.filter(({ version }) => version <= 1)
  const alone = puts.length + removals.length === 1
  const text = new ObjectText()
  await lock(text, unchanged, [...removals, ...changed], fresh)
  const before: readonly Versioned[] = [...unchanged, ...removals, ...puts.map(({ id, version }) => ({ id, version: version - 1 }))]
  await text.list('check', before, ({ id, version }) => [hex(id), version])
  const bytes = await encodePuts(text, puts)
  // A single new object learns of another one when it is entered.
  if (!(alone && fresh.length === 1)) text.field('placed', true)
  if (puts.length > 1 && changed.length > 0) text.field('shuffled', true)
  await text.list('new', fresh, hexOf)
  await text.list('changed', changed, hexOf)
  // Names that these have may be taken by others.
  await text.list('leaving', alone ? [] : [...changed, ...removals], hexOf)
  await text.list('remove', removals, ({ id, subtree }) => [hex(id), subtree])
  await text.list('clear', [...removals, ...changed.filter(({ segments }) => segments.kind === 'replace' || segments.kind === 'copy')], hexOf)
  await encodeSegments(text, puts, births)
  await text.list('events', change.events, event => JSON.stringify(event))
  if (births.length > 0) text.field('lease', change.lease ?? '')
  return { json: text.end(), bytes }
}

/** Each change has what it changes for itself, and shares what must stay as it is. */
async function lock (text: ObjectText, shared: readonly Versioned[], own: readonly Versioned[], fresh: readonly Versioned[]): Promise<void> {
  if (shared.length + own.length > mostLocks) {
    text.field('whole', true)
    return
  }
  await text.list('shared', shared, hexOf)
  // Nobody waits for what does not exist yet: a tree that is made can do without.
  await text.list('own', shared.length + own.length + fresh.length > mostLocks ? own : [...own, ...fresh], hexOf)
}

/** Answers the inline values, one after the other. */
async function encodePuts (text: ObjectText, puts: readonly RecordPut[]): Promise<Buffer> {
  const values: Uint8Array[] = []
  let filled = 0
  await text.list('put', puts, put => {
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
  return Buffer.concat(values)
}

async function encodeSegments (text: ObjectText, puts: readonly RecordPut[], births: readonly BlobBirth[]): Promise<void> {
  await text.list('splice', puts.flatMap(({ id, segments }) => segments.kind === 'splice' ? [{ id, segments }] : []), ({ id, segments }) => ({ i: hex(id), o: segments.offset, l: segments.length }))
  await text.list('copy', puts.flatMap(({ id, segments }) => segments.kind === 'copy' ? [{ id, from: segments.from }] : []), ({ id, from }) => [hex(id), hex(from)])
  const segments = puts.flatMap(({ id, segments }) => 'segments' in segments ? segments.segments.map(segment => ({ id, segment })) : [])
  await text.list('segments', segments, ({ id, segment: { offset, length, blob, blobOffset } }) => [hex(id), offset, length, blob, blobOffset])
  // Blobs that are born, and whether something names them; and those of before that are named, with one who does.
  const named = new Map(segments.map(({ id, segment }) => [segment.blob, id]))
  await text.list('births', births, ({ blob, size, hash }) => [blob, size, hash, named.has(blob)])
  for (const { blob } of births) named.delete(blob)
  await text.list('blobs', [...named], ([blob, id]) => [blob, hex(id)])
}

/** Lower case, as the database writes it. Throws a RangeError for what is no ID. */
function hex (id: ObjectID): string {
  return idKey(id).toString('hex')
}

const hexOf = ({ id }: { readonly id: ObjectID }): string => hex(id)

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
