/** A store filled by every door that leaves something in it, and all that is to be known of one: for what moves stores. */
import { createHash } from 'node:crypto'
import fastify, { type FastifyInstance } from 'fastify'
import { cdmi } from '../../index.js'
import type { BlobID, JsonObject, LoggedEvent, ObjectID, Sequence, Store } from '../../storage/contract.js'
import type { MovableMeta, TransferSource } from '../../storage/transfer/ends.js'
import { CdmiClient } from '../helpers/cdmi-client.js'
import { fields, movable } from './driver.js'

/** Several times what any driver keeps in records, and no multiple of anything. */
const longValue = Buffer.alloc(200_001, 'a long value, which is in a blob of its own; ')

export async function serve<T> (store: Store, work: (app: FastifyInstance, client: CdmiClient) => Promise<T>): Promise<T> {
  const app = fastify()
  await app.register(cdmi, { store, anonymous: 'write' })
  try {
    return await work(app, new CdmiClient(app))
  } finally {
    await app.close()
  }
}

/** Objects of all kinds, copies that share bytes, sparse values, an upload that is not complete, a container that is gone. */
export async function fillStore (store: Store): Promise<void> {
  await serve(store, async (app, client) => {
    const put = async (url: string, payload: Buffer | string, headers: Record<string, string> = {}): Promise<void> => {
      const { statusCode, body } = await app.inject({ method: 'PUT', url, payload, headers: { 'content-type': 'application/octet-stream', ...headers } })
      if (statusCode >= 300) throw new Error(`${statusCode}: ${body}`)
    }
    await client.make('/a/', { metadata: { colour: 'red', cdmi_geographic_placement: ['DE'] } })
    await client.make('/a/b%20c/')
    await client.make('/a/b%20c/text', { value: 'väl\u0000', mimetype: 'text/plain', metadata: { __proto__x: '\ud83d\ude00' } })
    await put('/a/long', longValue)
    await client.make('/a/copy', { copy: '/a/long' })
    await client.make('/copies/', { copy: '/a/' })
    // What was written over part of it; a gap of 300 KB before its end.
    await put('/a/sparse', longValue)
    await put('/a/sparse', Buffer.alloc(70_000, 'x'), { 'content-range': 'bytes 500000-569999/*' })
    await put('/a/empty', '')
    await client.make('/reference', { reference: '/a/long' })
    await put('/in-parts', longValue.subarray(0, 100_000), { 'x-cdmi-partial': 'upload-id=one;count=3', 'content-range': 'bytes 0-99999/*' })
    await put('/a/long', Buffer.from('other bytes, the copies stay'))
    for (let n = 0; n < 30; n++) await client.make(`/a/many-${n}`, { value: 'x'.repeat(n * 500) })
    await client.make('/gone/', {})
    await put('/gone/long', longValue.subarray(1))
    await client.remove('/gone/')
    for (let n = 0; n < 3; n++) await app.inject({ url: '/a/long' })
    await app.inject({ url: '/a/sparse' })
  })
}

/** Everything that a reader of the CDMI form gets, values included; but for the traces that reading leaves. */
export async function readByModel (store: Store): Promise<JsonObject> {
  const tree = await serve(store, async (_, client) => await treeAt(client, '/'))
  return JSON.parse(JSON.stringify(tree, (name, value: unknown) => /^cdmi_(atime|acount)$/.test(name) ? undefined : value)) as JsonObject
}

async function treeAt (client: CdmiClient, url: string): Promise<JsonObject> {
  const fields = await client.get(url)
  const { children } = fields
  if (!Array.isArray(children)) return fields
  const below: JsonObject[] = []
  for (const name of children.map(String)) {
    // A reference leads elsewhere.
    below.push(name.endsWith('?') ? { name } : await treeAt(client, url + name.split('/').map(encodeURIComponent).join('/')))
  }
  return { ...fields, children: below }
}

/** SHA-256 of bytes. */
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

export interface Whole {
  readonly rootID: ObjectID
  readonly last: Sequence
  readonly events: readonly LoggedEvent[]
  /** Blobs are told by numbers: their names are another matter in each store. Values are hashes of the bytes. */
  readonly objects: ReadonlyArray<Readonly<Record<string, unknown>>>
  readonly blobs: number
}

/** Everything that a store has, as it can be compared with another. */
export async function wholeOf (store: Pick<Store, 'rootID' | 'blobs'> & { readonly meta: MovableMeta }): Promise<Whole> {
  const { meta } = store
  // What is below a container that was removed is out of reach, and about to go.
  while (await meta.prune(1000) > 0);
  const numbers = new Map<BlobID, number>()
  const objects: Array<Record<string, unknown>> = []
  for (let after: ObjectID | undefined; ;) {
    const page = await meta.wholes({ after, limit: 50, size: 100_000 })
    for (const { record, segments, accesses } of page) {
      const map: unknown[] = []
      for (const { blob, ...place } of segments) {
        const number = numbers.get(blob) ?? numbers.size
        numbers.set(blob, number)
        const bytes = await store.blobs.read(blob, place.blobOffset, place.length)
        map.push({ ...place, number, bytes: digest(bytes) })
      }
      objects.push({ ...fields(record), ...(record.inline === undefined ? {} : { inline: digest(record.inline) }), map, accesses })
    }
    after = page.at(-1)?.record.id
    if (after === undefined) break
  }
  return { rootID: store.rootID, last: await meta.lastSequence(), events: await meta.events(0, 100_000), objects, blobs: numbers.size }
}

export async function wholeOfStore (store: Store): Promise<Whole> {
  return await wholeOf({ ...store, rootID: store.rootID, meta: movable(store) })
}

/** A source in which some blobs give other bytes than were written. */
export function rotten (source: TransferSource, rots: (blob: BlobID) => boolean): TransferSource {
  return {
    ...source,
    blobs: {
      async * get (blob, offset, length) {
        for await (const chunk of source.blobs.get(blob, offset, length)) {
          if (!rots(blob)) yield chunk
          else yield Uint8Array.from(chunk, (byte, at) => at === 0 ? byte ^ 1 : byte)
        }
      }
    }
  }
}
