/**
 * What is in the place of the values under the name of a blob, and belongs to nothing: no table knows it, and no lease under which it may still be on its way, or of which the
 * sweeper is to look at what was left. What is young is left alone all the same.
 */
import type { Finding } from '../verify/findings.js'
import type { Mend } from './database-checks.js'
import { type LookedAt, rowsIn } from './look-rows.js'
import type { BlobPlace, PlacedBlob } from './open-blobs.js'

export interface SurplusLook {
  readonly looked: LookedAt
  readonly place: Pick<BlobPlace, 'all' | 'at' | 'has' | 'setAside'>
  /** Milliseconds for which everything is left alone. */
  readonly grace: number
  readonly found: (finding: Finding, mend: Mend) => void
  /** Is told of so many more that were looked at. */
  readonly tell: (blobs: number) => void
}

const page = 500

export async function lookForSurplus (look: SurplusLook): Promise<void> {
  const { place, grace, tell } = look
  let gathered: PlacedBlob[] = []
  for await (const blob of place.all()) {
    // Where the place does not say when, the leases have to do.
    if (blob.modified > Date.now() - grace) {
      tell(1)
      continue
    }
    if (gathered.push(blob) < page) continue
    await lookAtPage(look, gathered)
    gathered = []
  }
  await lookAtPage(look, gathered)
}

async function lookAtPage ({ looked, place, found, tell }: SurplusLook, blobs: readonly PlacedBlob[]): Promise<void> {
  const unknown = new Set(await unknownOf(looked, blobs))
  for (const one of blobs) {
    const { blob } = one
    // The sweeper may have been here: it removes first, and forgets then.
    if (!unknown.has(blob) || !await place.has(blob)) continue
    found({ kind: 'file', blob, file: blob, problem: `What is in ${place.at} as ${blob} belongs to nothing` }, async () => {
      if ((await unknownOf(looked, [one])).length === 0) return 'it belongs to something now'
      const to = await place.setAside(one)
      return to === undefined ? 'it is gone' : `it is ${to} now`
    })
  }
  tell(blobs.length)
}

async function unknownOf (looked: LookedAt, blobs: readonly PlacedBlob[]): Promise<string[]> {
  if (blobs.length === 0) return []
  const rows = await rowsIn<[blob: string]>(looked, 'surplus', s => `select asked.blob from unnest($1::text[]) asked(blob)
    where not exists (select 1 from ${s}.blobs b where b.id = asked.blob) and not exists (select 1 from ${s}.doomed d where d.blob = asked.blob)
      and not exists (select 1 from ${s}.segments g where g.blob = asked.blob) and not exists (select 1 from ${s}.leases l where l.id = split_part(asked.blob, '/', 1))`, [blobs.map(({ blob }) => blob)])
  return rows.map(([blob]) => blob)
}
