/** What the process that owns a store in a directory counts, and finds out when it is asked. */
import { stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { gauge, sample } from '../../metrics/family.js'
import { amounts, durations, type Registry } from '../../metrics/registry.js'
import { storeBytes, storeGauges } from '../store-gauges.js'
import { roughSize } from './blob-rows.js'
import type { RecordsFile } from './records-file.js'
import type { Table } from './tables.js'
import type { WriteTimes } from './writer.js'

/** Rows that are added up in one turn of the event loop. */
const atOnce = 500
/** The values are added up anew when that was so many times as long ago as it took, and so many milliseconds. */
const rarely = 100
const soonest = 5000

const batches = { name: 'cdmi_commit_batch_size', help: 'How many changes were written in one transaction with one flush.' }
const applying = { name: 'cdmi_commit_apply_duration_seconds', help: 'How long the writer took to apply the changes of a transaction, before the flush.' }
const flushing = { name: 'cdmi_flush_duration_seconds', help: 'How long it took until a transaction was on the disk, once it had been applied.' }

/** Called for each batch that the writer has written. */
export function countWrites (registry: Registry): (items: number, times: WriteTimes) => void {
  const sizes = registry.histogram(batches, amounts)
  const applied = registry.histogram(applying, durations)
  const flushed = registry.histogram(flushing, durations)
  return (items, times) => {
    sizes.observe(items)
    applied.observe(times.applying / 1000)
    flushed.observe(times.flushing / 1000)
  }
}

/** Answers what ends it: to be called before the file is closed. */
export function readEmbedded (registry: Registry, directory: string, file: Pick<RecordsFile, 'isOpen' | 'tables'>): () => void {
  const { tables } = file
  const values = new BytesOfValues(file)
  registry.read(async () => {
    const { size } = await stat(join(directory, 'meta.lmdb'))
    if (values.stopped || !file.isOpen) return storeGauges({ up: false })
    return storeGauges({
      up: true,
      objects: entriesOf(tables.records),
      bytes: { records: size },
      garbage: { waiting: entriesOf(tables.trash), doomed: entriesOf(tables.doomed), containers: entriesOf(tables.orphans) },
      logEntries: entriesOf(tables.log)
    })
  })
  registry.read(async () => {
    const { blocks, bavail, bsize } = await statfs(directory)
    return [gauge({ name: 'cdmi_disk_bytes', help: 'The file system of the store: its size, and what is free for the server.' }, [sample(blocks * bsize, { state: 'size' }), sample(bavail * bsize, { state: 'free' })], 'max')]
  })
  registry.read(async () => [storeBytes({ values: await values.read() })])
  return () => { values.stopped = true }
}

/** Kept by LMDB itself: costs nothing. */
function entriesOf (table: Table): number {
  const { entryCount } = table.getStats() as { entryCount: number }
  return entryCount
}

/** The length of all values that are not in records. Each row has to be looked at for it, so it is not always new. */
class BytesOfValues {
  readonly #file: Pick<RecordsFile, 'isOpen' | 'tables'>
  #known: number | undefined
  /** When it is due again. */
  #next = 0
  #counting: Promise<void> | undefined
  stopped = false

  constructor (file: Pick<RecordsFile, 'isOpen' | 'tables'>) {
    this.#file = file
  }

  /** Waits only where nothing is known yet. */
  async read (): Promise<number | undefined> {
    if (performance.now() >= this.#next) this.#counting ??= this.#count().finally(() => { this.#counting = undefined })
    if (this.#known === undefined) await this.#counting
    // Who does not wait leaves its failure to the next who does.
    this.#counting?.catch(() => {})
    return this.#known
  }

  async #count (): Promise<void> {
    const began = performance.now()
    let bytes = 0
    let start = Buffer.from([0])
    for (let rows = atOnce; rows === atOnce && !this.stopped;) {
      // It is another time's.
      if (!this.#file.isOpen) return
      rows = 0
      for (const { key, value } of this.#file.tables.blobs.getRange({ start, limit: atOnce })) {
        bytes += roughSize(value)
        start = Buffer.concat([key, Buffer.from([0])])
        rows++
      }
      await setImmediate()
    }
    if (this.stopped) return
    this.#known = bytes
    const now = performance.now()
    this.#next = now + Math.max(soonest, (now - began) * rarely)
  }
}
