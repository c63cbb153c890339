/** Names, records and segment maps as they are read. */
import { type ChildrenQuery, type Entry, type NamePage, type ObjectID, type RecordHead, type Segment, type StoredRecord, TreeTooLarge, type TreeQuery } from '../contract.js'
import { mostNames, noNames } from '../name-page.js'
import { idKey, idText, maxNameLength } from '../object-key.js'
import type { Asking } from './asking.js'
import { hasSqlState } from './database-errors.js'
import { type HeadRow, PostgresHead, PostgresRecord, type RecordRow } from './postgres-record.js'

/** Raised by `tree`. */
const treeTooLarge = 'CD001'
/** The greatest that the database takes for a number of rows or levels. */
const mostInteger = 0x7fffffff
/** Above every name: no byte of UTF-8 is as great. */
const afterAll = Buffer.from([0xff])

/** The names that are asked for, from one on and up to another; undefined when there can be none. */
function rangeOf ({ after, prefix, limit }: ChildrenQuery): [from: Buffer, to: Buffer] | undefined {
  const start = Buffer.from(prefix ?? '')
  const past = after === undefined ? start : Buffer.concat([Buffer.from(after), Buffer.from([0])])
  const from = past.compare(start) > 0 ? past : start
  const to = Buffer.concat([start, afterAll])
  return limit <= 0 || from.compare(to) >= 0 ? undefined : [from, to]
}

export class RecordReads {
  readonly #ask: Asking

  constructor (ask: Asking) {
    this.#ask = ask
  }

  async get (id: ObjectID): Promise<StoredRecord | undefined> {
    const [row] = await this.#ask.rows<RecordRow>('get', [idKey(id)], `reading record ${id}`)
    return row === undefined ? undefined : new PostgresRecord(row)
  }

  async getMany (ids: readonly ObjectID[]): Promise<ReadonlyArray<StoredRecord | undefined>> {
    if (ids.length === 0) return []
    const rows = await this.#ask.rows<RecordRow>('getMany', [ids.map(idKey)], 'reading records')
    const found = new Map(rows.map(row => [idText(row[0]), new PostgresRecord(row)]))
    return ids.map(id => found.get(id))
  }

  async resolve (from: ObjectID, names: readonly string[]): Promise<StoredRecord[]> {
    const tooLong = names.findIndex(name => name.length > maxNameLength)
    const walked = (tooLong === -1 ? names : names.slice(0, tooLong)).map(name => Buffer.from(name))
    return (await this.#ask.rows<RecordRow>('resolve', [idKey(from), walked], `reading names below ${from}`)).map(row => new PostgresRecord(row))
  }

  async lineage (id: ObjectID): Promise<StoredRecord[]> {
    const chain = (await this.#ask.rows<RecordRow>('lineage', [idKey(id)], `reading the ancestors of ${id}`)).map(row => new PostgresRecord(row))
    return chain[0]?.parentID === undefined ? chain : []
  }

  async children (id: ObjectID, query: ChildrenQuery): Promise<Entry[]> {
    const range = rangeOf(query)
    if (range === undefined) return []
    const rows = await this.#ask.rows<[name: Buffer, id: Buffer, type: string]>('children', [idKey(id), ...range, query.limit], `listing ${id}`)
    return rows.map(([name, id, type]) => ({ name: name.toString(), id: idText(id), type }))
  }

  async names (id: ObjectID, query: ChildrenQuery): Promise<NamePage> {
    const range = rangeOf(query)
    if (range === undefined) return noNames
    const limit = Math.min(query.limit, mostNames)
    const [row] = await this.#ask.rows<[bytes: Buffer | null, lengths: Buffer | null, types: string | null]>('names', [idKey(id), ...range, limit], `listing ${id}`)
    const [bytes, lengths, types] = row ?? []
    if (bytes === null || bytes === undefined || lengths === null || lengths === undefined) return noNames
    const count = lengths.length / 2
    const ends = new Uint32Array(count)
    let end = 0
    for (let index = 0; index < count; index++) ends[index] = end += lengths.readUInt16BE(index * 2)
    return { count, bytes, ends, types: Buffer.from(types ?? '', 'latin1'), more: count === limit }
  }

  async tree (id: ObjectID, { types, depth = Infinity, limit, size = Infinity }: TreeQuery): Promise<RecordHead[]> {
    const values = [idKey(id), types, Math.min(depth, mostInteger), Math.min(limit, mostInteger), size === Infinity ? null : size]
    try {
      return (await this.#ask.rows<HeadRow>('tree', values, `reading all below ${id}`)).map(row => new PostgresHead(row))
    } catch (error) {
      if (hasSqlState(error, treeTooLarge)) throw new TreeTooLarge(`what is below ${id} has more than ${size} bytes of attributes`)
      throw error
    }
  }

  async segments (id: ObjectID, offset: number, length: number): Promise<{ version: number, segments: Segment[] } | undefined> {
    const rows = await this.#ask.rows<[version: string, start: string | null, length: string, blob: string, blobStart: string]>('segments', [idKey(id), offset, offset + length], `reading the segments of ${id}`)
    if (rows[0] === undefined) return undefined
    return {
      version: Number(rows[0][0]),
      segments: rows.flatMap(([, start, length, blob, blobStart]) => start === null ? [] : [{ offset: Number(start), length: Number(length), blob, blobOffset: Number(blobStart) }])
    }
  }
}
