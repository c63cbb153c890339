/**
 * What the tables of a store of many servers must say together, and no constraint of the database keeps: looked at page by page, while servers go on. Each change of theirs is
 * one transaction, so that what one statement sees belongs together.
 */
import type { BlobID, BlobStore, ObjectID } from '../contract.js'
import { idKey, idText } from '../object-key.js'
import { Summing, readSource, Damaged } from '../transfer/checked-bytes.js'
import type { Finding } from '../verify/findings.js'
import type { ObjectMender } from '../verify/object-mender.js'
import { ofObject } from '../verify/verify-movable.js'
import type { Database } from './database.js'
import { type LookedAt, noID, pagesIn, rowsIn } from './look-rows.js'
import type { Names } from './names.js'
import type { PostgresMeta } from './postgres-meta.js'

/** Answers what was done: the end of a sentence; undefined: nothing. */
export type Mend = () => Promise<string | undefined>

export interface CheckedDatabase extends LookedAt {
  readonly meta: PostgresMeta
  readonly blobs: Pick<BlobStore, 'get'>
  readonly mender: ObjectMender
  readonly rootID: ObjectID
}

const page = 500

export class DatabaseChecks {
  readonly #parts: CheckedDatabase

  constructor (parts: CheckedDatabase) {
    this.#parts = parts
  }

  /** Tells of everything that is wrong, with what mends it. */
  async look (found: (finding: Finding, mend: Mend) => void): Promise<void> {
    for await (const [id, parent] of this.#pages<[id: Buffer, parent: Buffer]>('lost_objects', noID, s => `select r.id, r.parent_id from ${s}.records r
        where r.id > $1 and r.parent_id is not null and get_byte(r.parent_id, 0) <> 255 and not exists (select 1 from ${s}.records p where p.id = r.parent_id)
          and not exists (select 1 from ${s}.orphans o where o.id = r.parent_id) order by r.id limit ${page}`)) {
      found(await this.#ofObject('place', idText(id), `is in container ${idText(parent)}, which is gone`), async () => await this.#parts.mender.setAside(idText(id), 'its container is gone', true))
    }
    await this.#rings(found)
    for await (const [id, blob, size] of this.#pages<[id: Buffer, blob: string, size: string]>('lost_records', noID, s => `select g.record_id, min(g.blob), max(g.start + g.length) from ${s}.segments g
        where g.record_id > $1 and not exists (select 1 from ${s}.records r where r.id = g.record_id) group by g.record_id order by g.record_id limit ${page}`)) {
      const objectID = idText(id)
      found({ kind: 'record', objectID, problem: `Object ${objectID} has bytes in blob ${blob}, and no record` }, async () => await this.#parts.mender.rebuild(objectID, Number(size), 'its record is gone, and bytes of it are there'))
    }
    await this.#blobs(found)
    for await (const [id] of this.#pages<[id: Buffer]>('live_orphans', noID, s => `select o.id from ${s}.orphans o where o.id > $1 and exists (select 1 from ${s}.records r where r.id = o.id) order by o.id limit ${page}`)) {
      found(await this.#ofObject('orphan', idText(id), 'is there, and is noted as removed'),
        async () => await this.#change('repair_orphan', s => `delete from ${s}.orphans o where o.id = $1 and exists (select 1 from ${s}.records r where r.id = o.id) returning 1`, [id], 'what is in it stays'))
    }
  }

  /** What is no child of anything that paths begin with: containers that are below themselves, and such as have no container though they are not the root. */
  async #rings (found: (finding: Finding, mend: Mend) => void): Promise<void> {
    const { mender, rootID } = this.#parts
    // In one statement: what is moved meanwhile is in one place or the other.
    for await (const [id, isRing] of this.#pages<[id: Buffer, isRing: boolean]>('rings', noID, s => `with recursive page as (
        select r.id, r.parent_id from ${s}.records r where r.id > $1 and r.parent_id is not null and exists (select 1 from ${s}.records k where k.parent_id = r.id) order by r.id limit ${page}
      ), up(start, at) as (
        select id, parent_id from page union select up.start, p.parent_id from up join ${s}.records p on p.id = up.at where p.parent_id is not null
      ) select p.id, exists (select 1 from up where up.start = p.id and up.at = p.id) from page p order by p.id`)) {
      if (!isRing) continue
      found(await this.#ofObject('place', idText(id), 'is below itself'), async () => await this.#isBelowItself(id) ? await mender.setAside(idText(id), 'it was below itself', true) : 'the ring is no more, since another one of it was moved')
    }
    for await (const [id] of this.#pages<[id: Buffer]>('islands', noID, s => `select r.id from ${s}.records r where r.id > $1 and r.parent_id is null and r.type = 'c' and r.id <> '\\x${rootID}' order by r.id limit ${page}`)) {
      found(await this.#ofObject('place', idText(id), 'is in no container, and is not the root'), async () => await mender.setAside(idText(id), 'it was in no container', true))
    }
  }

  async #isBelowItself (id: Buffer): Promise<boolean> {
    return (await this.#rows('ring', s => `with recursive up(at) as (
        select r.parent_id from ${s}.records r where r.id = $1 union select p.parent_id from up join ${s}.records p on p.id = up.at where p.parent_id is not null
      ) select 1 from up where at = $1`, [id])).length > 0
  }

  async #blobs (found: (finding: Finding, mend: Mend) => void): Promise<void> {
    for await (const [blob, size] of this.#pages<[blob: BlobID, size: string]>('unknown_blobs', '', s => `select g.blob, max(g.blob_start + g.length) from ${s}.segments g
        where g.blob > $1 and not exists (select 1 from ${s}.blobs b where b.id = g.blob) group by g.blob order by g.blob limit ${page}`)) {
      for (const objectID of await this.#ownersOf(blob)) {
        found(await this.#ofObject('blob', objectID, `needs blob ${blob}, of which the store knows nothing more`, blob), async () => await this.#readmit(blob, Number(size)) ?? await this.#parts.mender.setAside(objectID, `has lost bytes of its value: blob ${blob} is gone`))
      }
    }
    for await (const [blob] of this.#pages<[blob: BlobID]>('short_blobs', '', s => `select b.id from ${s}.blobs b where b.id > $1 and exists (select 1 from ${s}.segments g where g.blob = b.id and g.blob_start + g.length > b.size) order by b.id limit ${page}`)) {
      for (const objectID of await this.#ownersOf(blob, true)) {
        const problem = `needs more bytes of blob ${blob} than that has`
        found(await this.#ofObject('segment', objectID, problem, blob), async () => await this.#parts.mender.setAside(objectID, problem))
      }
    }
    for await (const [blob] of this.#pages<[blob: BlobID]>('forgotten_blobs', '', s => `select b.id from ${s}.blobs b where b.id > $1 and b.trashed is null and not exists (select 1 from ${s}.segments g where g.blob = b.id) order by b.id limit ${page}`)) {
      found({ kind: 'blob', blob, problem: `Blob ${blob} is needed by nothing, and is not in the trash` },
        async () => await this.#change('repair_forgotten', s => `update ${s}.blobs set trashed = clock_timestamp() where id = $1 and trashed is null returning 1`, [blob], 'it is in the trash'))
    }
    for await (const [blob] of this.#pages<[blob: BlobID]>('needed_doomed', '', s => `select d.blob from ${s}.doomed d where d.blob > $1 and exists (select 1 from ${s}.blobs b where b.id = d.blob) order by d.blob limit ${page}`)) {
      found({ kind: 'trash', blob, problem: `Blob ${blob} is about to be removed, and the store still knows it` },
        async () => await this.#change('repair_doomed', s => `delete from ${s}.doomed d where d.blob = $1 and exists (select 1 from ${s}.blobs b where b.id = d.blob) returning 1`, [blob], 'it stays'))
    }
  }

  /** As its bytes are now, for nobody knows how they were: as many as are needed of it. Undefined when they are not there. */
  async #readmit (blob: BlobID, size: number): Promise<string | undefined> {
    const sums = new Summing()
    try {
      await sums.all(readSource(this.#parts.blobs.get(blob, 0, size)), this.#parts.signal)
    } catch (error) {
      if (error instanceof Damaged) return undefined
      throw error
    }
    const done = 'the store knows its bytes again'
    const [known] = await this.#rows('repair_blob', s => `with safe as (delete from ${s}.doomed where blob = $1)
      insert into ${s}.blobs (id, size, hash) values ($1, $2, $3) on conflict do nothing returning 1`, [blob, size, sums.sums().blocks])
    // Another object that needs it has brought it back.
    return known === undefined && (await this.#parts.meta.unborn([blob])).length > 0 ? undefined : done
  }

  async #ownersOf (blob: BlobID, beyond = false): Promise<ObjectID[]> {
    const rows = await this.#rows<[id: Buffer]>(beyond ? 'short_owners' : 'owners', s => `select distinct g.record_id from ${s}.segments g${beyond ? ` join ${s}.blobs b on b.id = g.blob and g.blob_start + g.length > b.size` : ''}
      where g.blob = $1 and exists (select 1 from ${s}.records r where r.id = g.record_id) limit 100`, [blob])
    return rows.map(([id]) => idText(id))
  }

  async #ofObject (kind: Finding['kind'], objectID: ObjectID, problem: string, blob?: BlobID): Promise<Finding> {
    return await ofObject(this.#parts.meta, { kind, objectID, ...blob !== undefined && { blob } }, problem)
  }

  async #change (name: string, text: (schema: string) => string, values: readonly unknown[], done: string): Promise<string | undefined> {
    return (await this.#rows(name, text, values)).length > 0 ? done : undefined
  }

  async #rows<Row extends unknown[] = unknown[]> (name: string, text: (schema: string) => string, values: readonly unknown[]): Promise<Row[]> {
    return await rowsIn<Row>(this.#parts, name, text, values)
  }

  #pages<Row extends [unknown, ...unknown[]]> (name: string, first: Row[0], text: (schema: string) => string): AsyncGenerator<Row> {
    return pagesIn<Row>(this.#parts, name, first, text)
  }
}

/** What is stored as the attributes of a record, whether it can be read or not. */
export async function rawAttributes (database: Database, { schema }: Names, id: ObjectID): Promise<string | undefined> {
  const [row] = await database.rows<[string]>({ name: 'raw_attributes', text: `select attributes from ${schema}.records where id = $1` }, [idKey(id)], 'reading a record')
  return row?.[0]
}
