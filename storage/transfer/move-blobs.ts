/** The bytes of a store: each blob is read, checked, written, read back, compared, and only then noted as moved. */
import { type BlobBirth, type BlobID, StorageError } from '../contract.js'
import { checkSource, Damaged, readSource, Summing } from './checked-bytes.js'
import type { PassOver, Unreadable } from '../backup/unreadable.js'
import { fromSource } from './damaged-source.js'
import type { TransferSource, TransferTarget } from './ends.js'

export interface BlobDamage {
  readonly blob: BlobID
  readonly problem: string
}

export interface MovedBlobs {
  /** Blobs that were written now, and the bytes in them. */
  moved: number
  bytes: number
  /** Blobs that were there from an earlier run. */
  kept: number
  /** Blobs of the source that are not what was written. */
  readonly damaged: BlobDamage[]
}

export interface MoveOptions {
  readonly signal: AbortSignal
  /** Is told of bytes that are there. */
  readonly tell: (bytes: number) => void
  /** When so many are damaged, the search for more ends. */
  readonly mostDamaged: number
  /** Is told of blobs of which cannot be read what is noted. */
  readonly passOver?: PassOver | undefined
}

const page = 500
/** Blobs on their way at once: what is far away takes its time to answer. */
const inFlight = 8

/** Goes on where an earlier run stopped. */
export async function moveBlobs (source: TransferSource, target: TransferTarget, options: MoveOptions): Promise<MovedBlobs> {
  const result: MovedBlobs = { moved: 0, bytes: 0, kept: 0, damaged: [] }
  for (let after: BlobID | undefined; result.damaged.length < options.mostDamaged;) {
    const from = after
    const unreadable: Unreadable[] = []
    const births = await fromSource(async () => await source.meta.namedBlobs(from, page, options.passOver && (one => { unreadable.push(one) })))
    if (unreadable.length > 0) await passOverAll(unreadable, target, options, result)
    const last = births.at(-1)
    if (last === undefined) break
    after = last.blob
    const there = await target.meta.intake.moved(births.map(({ blob }) => blob))
    const waiting = births.filter((_, at) => there[at] === undefined)
    for (const [at, { size }] of births.entries()) if (there[at] !== undefined) options.tell(size)
    result.kept += births.length - waiting.length
    const failures: unknown[] = []
    await Promise.all(Array.from({ length: inFlight }, async () => {
      for (let birth = waiting.shift(); birth !== undefined && failures.length === 0; birth = waiting.shift()) {
        await moveOne(source, target, birth, options, result).catch((error: unknown) => { failures.push(error) })
      }
    }))
    // Those that were on their way have come to their end, so that both stores can be closed.
    if (failures.length > 0) throw failures[0]
  }
  return result
}

/** What an earlier run has moved is there, whatever has become of it in the source since. */
async function passOverAll (unreadable: readonly Unreadable[], target: TransferTarget, { passOver }: MoveOptions, result: MovedBlobs): Promise<void> {
  const there = await target.meta.intake.moved(unreadable.map(({ blob = '' }) => blob))
  for (const [at, one] of unreadable.entries()) {
    if (there[at] === undefined) passOver?.(one)
    else result.kept++
  }
}

async function moveOne (source: TransferSource, target: TransferTarget, birth: BlobBirth, { signal, tell }: MoveOptions, result: MovedBlobs): Promise<void> {
  const { blob, size } = birth
  signal.throwIfAborted()
  const lease = target.lease()
  let abandoned: BlobID[] = []
  try {
    const reading = new Summing()
    const written = await target.blobs.put(lease.id, reading.through(readSource(source.blobs.get(blob, 0, size)), tell), { size, signal })
    abandoned = [written.blob]
    const read = reading.sums()
    checkSource(birth, read)
    const again = new Summing()
    await again.all(target.blobs.get(written.blob, 0, size), signal)
    if (again.sums().sha256 !== read.sha256) throw new StorageError('corrupt', `The target does not give back the bytes of blob ${written.blob} as they were written`)
    if (!await target.meta.intake.move(lease.id, blob, written)) throw new StorageError('unavailable', 'Somebody has taken this transfer for dead; run it again to go on')
    abandoned = []
    result.moved++
    result.bytes += size
  } catch (error) {
    if (!(error instanceof Damaged)) throw error
    result.damaged.push({ blob, problem: error.message })
  } finally {
    lease.release(abandoned)
  }
}
