/** Whose values some blobs belong to: for people who are to repair them. */
import type { BlobID, ObjectID } from '../contract.js'
import { isDamage, type PassOver } from '../backup/unreadable.js'
import type { SourceMeta } from './ends.js'

export interface Owner {
  readonly objectID: ObjectID
  /** Undefined: no path leads to it. */
  readonly path?: string
}

const page = { limit: 500, size: 4 * 1024 * 1024 }
/** Copies share blobs: not all of a million copies need be named. */
const mostOwners = 100

export async function findOwners (meta: SourceMeta, blobs: ReadonlySet<BlobID>, signal: AbortSignal, passOver?: PassOver): Promise<Map<BlobID, Owner[]>> {
  const owners = new Map<BlobID, Owner[]>()
  for (let after: ObjectID | undefined; ;) {
    signal.throwIfAborted()
    const wholes = await meta.wholes({ after, ...page }, passOver)
    for (const { record: { id: objectID }, segments } of wholes) {
      for (const blob of new Set(segments.map(({ blob }) => blob))) {
        const known = owners.get(blob) ?? []
        if (!blobs.has(blob) || known.length >= mostOwners) continue
        owners.set(blob, [...known, { objectID, ...await pathOf(meta, objectID, passOver) }])
      }
    }
    after = wholes.at(-1)?.record.id
    if (after === undefined) return owners
  }
}

/** As it stands in a URI; none where no path leads to the object, or, with `passOver`, where that cannot be read. */
export async function pathOf (meta: Pick<SourceMeta, 'lineage'>, id: ObjectID, passOver?: PassOver): Promise<{ path?: string }> {
  const lineage = await meta.lineage(id).catch((error: unknown) => {
    // What is wrong with it is told where its own turn is.
    if (passOver === undefined || !isDamage(error)) throw error
    return []
  })
  const names = lineage.slice(1).map(({ name = '' }) => encodeURIComponent(name))
  return names.length === 0 ? {} : { path: `/${names.join('/')}` }
}
