/**
 * All that is in an embedded store, looked at row by row. Rows that must go with each other are read in one snapshot, so that a server that goes on meanwhile
 * does not look like damage; and what seems to be wrong is looked at a second time. Memory does not grow with the store.
 */
import { readdir, stat } from 'node:fs/promises'
import { endianness } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { StorageError } from '../../contract.js'
import { idKey } from '../../object-key.js'
import { hasCode, toStorageError } from '../../storage-errors.js'
import type { Look, VerifyCounts, VerifyOptions } from '../../verify/findings.js'
import { miscountProblem } from '../../usage.js'
import { readU64, successor, u64 } from '../bytes.js'
import { roughSize } from '../blob-rows.js'
import { accountKey, readCounting, sealAmount } from '../counting.js'
import { readJson } from '../json-rows.js'
import { blobKey } from '../keys.js'
import { leaseState, leaseStates, sealLease } from '../lease-rows.js'
import { readLife } from '../life-rows.js'
import { openEvent, readSequence, sealSequence } from '../log-rows.js'
import { pinPrefix } from '../pins.js'
import { readRoot } from '../root-row.js'
import { sealMark, unsealed } from '../row-sums.js'
import { stateKeys, type Table, type TableName, type Tables } from '../tables.js'
import { accountAt, miscountsIn } from '../usage-reads.js'
import { BlobChecks } from './blob-checks.js'
import { blobNames, leaseNames } from './blob-names.js'
import type { Fault } from './faults.js'
import { findRoot } from './find-root.js'
import { Lineages } from './lineage.js'
import { ObjectChecks, putRight } from './object-checks.js'
import { structureProblem } from './pages.js'
import { soundJson, soundRow } from './single-bits.js'

/** Rows of one look, and about the bytes that they may have. */
const page = 500
const pageBytes = 4 * 1024 * 1024

interface Row { readonly key: Buffer, readonly value: Buffer }

export class Inspection {
  readonly counts: VerifyCounts = { records: 0, blobs: 0, bytes: 0, events: 0 }
  readonly #directory: string
  readonly #tables: Tables
  readonly #values: boolean
  readonly #signal: AbortSignal
  readonly #progress: NonNullable<VerifyOptions['progress']>
  readonly #lineages: Lineages
  readonly #objects: ObjectChecks
  readonly #blobs: BlobChecks
  #logEnd = 0
  #told: { phase: Look, done: number, total: number | undefined } = { phase: 'records', done: 0, total: undefined }

  constructor (directory: string, tables: Tables, { values = true, signal = new AbortController().signal, progress = () => {}, checkRecord }: VerifyOptions) {
    this.#directory = directory
    this.#tables = tables
    this.#values = values
    this.#signal = signal
    this.#progress = progress
    this.#lineages = new Lineages(tables)
    this.#objects = new ObjectChecks(tables, this.#lineages, checkRecord)
    this.#blobs = new BlobChecks(tables, this.#objects, { directory, values, signal })
  }

  /** What is wrong, some of it at a time. What is mended before the next is asked for is taken as it is then. */
  async * faults (): AsyncGenerator<Fault[]> {
    const { records, entries } = this.#tables
    const structure = await this.#structure()
    if (structure.length > 0) {
      // What LMDB shows of it cannot be believed, and may end the process.
      yield structure
      return
    }
    yield this.#state()
    for (const table of ['blobs', 'trash', 'orphans'] as const) yield * this.#rows(table, ({ key, value }) => this.#blobs.oneBit(table, key, value))
    // Before records, for a name can say what a record that is gone was, and then nothing below it is lost.
    this.#begin('names', entries.getCount())
    yield * this.#rows('entries', ({ key, value }) => this.#objects.entry(key, value))
    this.#begin('records', records.getCount())
    yield * this.#rows('records', ({ key, value }) => this.#objects.record(key, value), () => { this.counts.records++ })
    yield * this.#rows('segments', ({ key, value }) => this.#objects.segment(key, value))
    yield * this.#rows('references', ({ key, value }) => this.#blobs.reference(key, value))
    yield * this.#rows('blobs', ({ key, value }) => this.#blobs.row(key, value))
    yield * this.#rows('trash', ({ key, value }) => this.#blobs.trash(key, value))
    yield * this.#rows('doomed', ({ key, value }) => this.#blobs.doomed(key, value))
    yield * this.#rows('orphans', ({ key, value }) => this.#objects.orphan(key, value))
    yield * this.#rows('leases', row => this.#lease(row))
    yield * this.#rows('accesses', ({ key, value }) => this.#objects.accesses(key, value))
    // Behind all that may change records.
    yield this.#usage()
    yield * this.#files()
    yield * this.#surplus()
    this.#begin('log', this.#tables.log.getCount())
    yield * this.#rows('log', row => this.#event(row), () => { this.counts.events++ })
  }

  async #structure (): Promise<Fault[]> {
    if (endianness() !== 'LE') return []
    // What is reached from the newest transaction of now stays as it is.
    this.#tables.env.resetReadTxn()
    const transaction = this.#tables.env.useReadTransaction()
    try {
      const problem = await structureProblem(join(this.#directory, 'meta.lmdb'), this.#signal)
      return problem === undefined ? [] : [{ kind: 'structure', file: 'meta.lmdb', problem: `The file meta.lmdb is damaged, so that nothing else could be looked at; what can be done is to restore a backup. ${problem}`, mends: [] }]
    } finally {
      transaction.done()
    }
  }

  #begin (phase: Look, total: number | undefined): void {
    this.#told = { phase, done: 0, total }
    this.#progress(this.#told)
  }

  readonly #tell = (more: number): void => {
    this.#told = { ...this.#told, done: this.#told.done + more }
    this.#progress(this.#told)
  }

  /** Pages of a table, each in one snapshot of this turn of the event loop. */
  async * #pages (name: TableName): AsyncGenerator<Row[]> {
    const table: Table = this.#tables[name]
    let start = Buffer.from([0])
    for (;;) {
      this.#signal.throwIfAborted()
      const rows: Row[] = []
      try {
        this.#tables.env.resetReadTxn()
        let bytes = 0
        for (const { key, value } of table.getRange({ start, limit: page })) {
          rows.push({ key, value })
          if ((bytes += value.length) > pageBytes) break
        }
      } catch (error) {
        throw new StorageError('corrupt', `The table of the ${name} in meta.lmdb cannot be read (${toStorageError(error, 'reading').message}); what can be done is to restore a backup`, { cause: error })
      }
      const last = rows.at(-1)
      if (last === undefined) return
      start = Buffer.concat([last.key, Buffer.from([0])])
      yield rows
      await setImmediate()
    }
  }

  async * #rows (name: TableName, check: (row: Row) => Fault[], seen: () => void = () => {}): AsyncGenerator<Fault[]> {
    this.#lineages.forget()
    for await (const rows of this.#pages(name)) {
      const found: Fault[] = []
      const doubtful: Row[] = []
      for (const row of rows) {
        seen()
        if (check(row).length > 0) doubtful.push(row)
      }
      if (doubtful.length > 0) {
        await setImmediate()
        this.#tables.env.resetReadTxn()
        this.#lineages.forget()
        for (const { key } of doubtful) {
          const value = this.#tables[name].getBinary(key)
          if (value !== undefined) found.push(...check({ key, value }))
        }
      }
      if (name === 'records' || name === 'entries' || name === 'log') this.#tell(rows.length)
      if (found.length > 0) yield found
    }
  }

  #state (): Fault[] {
    const { state, records } = this.#tables
    const faults: Fault[] = [...this.#root(), ...this.#pins()]
    const counting = state.getBinary(stateKeys.counting)
    if (readCounting(counting) === undefined) faults.push({ kind: 'usage', problem: 'The note of what is counted for quotas has other bytes than were written', mends: [{ do: 'remove', table: 'state', key: stateKeys.counting, done: 'all is counted anew, once a server with quotas has the store open' }] })
    const scrub = state.getBinary(stateKeys.scrub)
    if (scrub !== undefined && readJson(stateKeys.scrub, scrub) === undefined) faults.push({ kind: 'state', problem: 'The note of how far the scrub is has other bytes than were written', mends: [{ do: 'remove', table: 'state', key: stateKeys.scrub, done: 'it begins anew' }] })
    const stored = state.getBinary(stateKeys.sequence)
    const sequence = this.#sequence()
    this.#logEnd = this.#endOfLog(sequence)
    if (this.#logEnd > sequence) {
      faults.push({ kind: 'log', problem: `The change log has entries up to ${this.#logEnd}, and is said to end at ${sequence}`, mends: [{ do: 'put', table: 'state', key: stateKeys.sequence, value: sealSequence(this.#logEnd), done: 'it goes on behind them' }] })
    } else if (stored !== undefined && readSequence(stored) === undefined) {
      faults.push({ kind: 'log', problem: 'The number of the last entry of the change log is not readable', mends: [{ do: 'put', table: 'state', key: stateKeys.sequence, value: sealSequence(this.#logEnd), done: 'it is that of the last one that is there' }] })
    }
    if (records.getCount() === 0) faults.push({ kind: 'record', problem: 'The store has no objects at all, not even the root container', mends: [] })
    return faults
  }

  /** As long as one is there nothing is removed from the disk. */
  #pins (): Fault[] {
    return Array.from(this.#tables.state.getRange({ start: pinPrefix, end: successor(pinPrefix) })).filter(({ key, value }) => readLife(key, value) === undefined).map(({ key, value }) => {
      const sound = soundJson(key, value)
      return {
        kind: 'state',
        problem: 'The note of a process that reads the store has other bytes than were written',
        mends: [sound === undefined
          ? { do: 'remove', table: 'state', key, done: 'it is gone; a backup that is being made must be begun anew' }
          : { do: 'put', table: 'state', key, value: sound, done: 'one bit of it was wrong, and is right again' }]
      }
    })
  }

  /** Its ID has a checksum of its own. */
  #root (): Fault[] {
    const root = this.#tables.state.getBinary(stateKeys.root)
    const id = root && readRoot(root)
    if (id !== undefined) return this.#objects.root(idKey(id))
    const problem = root === undefined ? 'The store does not say which container is its root' : 'The note which container is the root has other bytes than were written'
    const sound = findRoot(this.#tables, root)
    if (sound === undefined) return [{ kind: 'state', problem: `${problem}, and nothing else tells it; what can be done is to restore a backup`, mends: [] }]
    // At once: what is in it would be taken for lost.
    return [{ kind: 'state', problem, mends: [{ do: 'put', table: 'state', key: stateKeys.root, value: sound.row, done: sound.done }] }, ...this.#objects.root(idKey(sound.row.toString()))]
  }

  /** The last place of the change log that is said to be given out. */
  #sequence (): number {
    const stored = this.#tables.state.getBinary(stateKeys.sequence)
    return stored === undefined ? 0 : readSequence(stored) ?? 0
  }

  /** The same as the entries show it: those that have a checksum count, for that has their number in it. Of those without one those count that follow without a gap; one far away has a wrong number. */
  #endOfLog (sequence: number): number {
    const { log } = this.#tables
    const [first] = log.getKeys({ start: Buffer.from([0]), limit: 1 })
    let end = Math.max(sequence, first?.length === 8 && Number.isSafeInteger(readU64(first, 0)) ? readU64(first, 0) - 1 : 0)
    for (const key of log.getKeys({ start: u64(end + 1) })) {
      if (key.length !== 8 || readU64(key, 0) !== end + 1) break
      end++
    }
    for (const { key, value } of log.getRange({ reverse: true })) {
      const number = key.length === 8 ? readU64(key, 0) : NaN
      if (number <= end) break
      if (Number.isSafeInteger(number) && value[0] === sealMark && unsealed(key, value) !== undefined) return number
    }
    return end
  }

  #usage (): Fault[] {
    this.#signal.throwIfAborted()
    this.#tables.env.resetReadTxn()
    const nameless = Array.from(this.#tables.usage.getKeys({ start: Buffer.from([0]) })).filter(key => accountAt(key) === undefined).map((key): Fault => ({
      kind: 'usage',
      problem: `What is counted has an account with a name that none has, ${key.toString('hex')}`,
      mends: [{ do: 'remove', table: 'usage', key, done: 'it is gone' }]
    }))
    return [...nameless, ...miscountsIn(this.#tables).map((miscount): Fault => ({
      kind: 'usage',
      problem: miscountProblem(miscount),
      mends: [{ do: 'put', table: 'usage', key: accountKey(miscount.account), value: sealAmount(accountKey(miscount.account), miscount.found), done: 'it is counted right now' }]
    }))]
  }

  #lease ({ key, value }: Row): Fault[] {
    if (leaseState(key, value) !== undefined) return []
    const sound = soundRow(key, value)
    const problem = `The state of lease ${leaseNames.test(key.toString()) ? key.toString() : key.toString('hex')} is not readable`
    if (sound !== undefined) return [{ kind: 'lease', problem, mends: putRight('leases', key, sound) }]
    // Of one with such a name the sweeper removes what broken-off uploads have left.
    if (leaseNames.test(key.toString())) return [{ kind: 'lease', problem, mends: [{ do: 'put', table: 'leases', key, value: sealLease(key, leaseStates.closed), done: 'it is closed' }] }]
    return [{ kind: 'lease', problem, mends: [{ do: 'save', table: 'leases', key }] }]
  }

  #event ({ key, value }: Row): Fault[] {
    if (key.length === 8) {
      try {
        const sequence = readU64(key, 0)
        if (sequence > Math.max(this.#logEnd, this.#sequence())) return [{ kind: 'log', problem: `The change log has an entry ${sequence}, far behind its end`, mends: [{ do: 'save', table: 'log', key }] }]
        if (typeof openEvent(key, value).event === 'object') return []
      } catch {
        const sound = soundRow(key, value)
        if (sound?.key.equals(key) === true) return [{ kind: 'log', problem: `Entry ${readU64(key, 0)} of the change log has other bytes than were written`, mends: [{ do: 'put', table: 'log', key, value: sound.value, done: 'one bit of it was wrong, and is right again' }] }]
      }
    }
    return [{ kind: 'log', problem: `Entry ${key.length === 8 ? readU64(key, 0) : key.toString('hex')} of the change log is not readable`, mends: [{ do: 'save', table: 'log', key }] }]
  }

  async * #files (): AsyncGenerator<Fault[]> {
    this.#begin('values', await this.#bytes())
    for await (const rows of this.#pages('blobs')) {
      for (const { key, value } of rows) {
        this.#signal.throwIfAborted()
        if (!blobNames.test(key.toString())) continue
        this.counts.blobs++
        const faults = await this.#blobs.file(key.toString(), value, bytes => {
          if (this.#values) this.counts.bytes += bytes
          this.#tell(bytes)
        })
        if (faults.length > 0) yield faults
      }
    }
  }

  async #bytes (): Promise<number> {
    let bytes = 0
    for await (const rows of this.#pages('blobs')) for (const { value } of rows) bytes += roughSize(value)
    return bytes
  }

  async * #surplus (): AsyncGenerator<Fault[]> {
    this.#begin('files', undefined)
    for await (const name of filesBelow(join(this.#directory, 'blobs'), '')) {
      this.#signal.throwIfAborted()
      this.#tell(1)
      if (!this.#isSurplus(name)) continue
      await setImmediate()
      this.#tables.env.resetReadTxn()
      if (!this.#isSurplus(name)) continue
      // The sweeper, or a look whether the store can be written to, may have been here.
      const there = await stat(join(this.#directory, 'blobs', name)).then(() => true, () => false)
      if (there) yield [{ kind: 'file', file: `blobs/${name}`, problem: `The file blobs/${name} belongs to nothing`, mends: [{ do: 'move', file: `blobs/${name}` }] }]
    }
  }

  /** Neither of a blob, nor of one that is about to go, nor of an upload that may be under way or was broken off: those are the sweeper's. */
  #isSurplus (name: string): boolean {
    if (!blobNames.test(name)) return true
    const { blobs, doomed, leases } = this.#tables
    const [lease = ''] = name.split('/', 1)
    return !blobs.doesExist(blobKey(name)) && !doomed.doesExist(blobKey(name)) && !leases.doesExist(Buffer.from(lease))
  }
}

/** Names of all files, with "/" between directories. */
async function * filesBelow (directory: string, prefix: string): AsyncGenerator<string> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return []
    throw toStorageError(error, `listing ${directory}`)
  })
  for (const entry of entries) {
    if (entry.isDirectory()) yield * filesBelow(join(directory, entry.name), `${prefix}${entry.name}/`)
    else yield prefix + entry.name
  }
}
