/** The one writer: all that is waiting in one flushed transaction, and again. Runs in its own thread, so that nobody waits for the disk. */
import { statfsSync } from 'node:fs'
import { join } from 'node:path'
import { StorageError, type StorageReason } from '../contract.js'
import { countNotes } from './access-notes.js'
import { DiskProbe } from './disk-probe.js'
import { toStorageError } from '../storage-errors.js'
import { ChangeWriter } from './change-writer.js'
import { FileRoom } from './file-room.js'
import { IntakeWriter } from './intake-writer.js'
import { SweepWriter } from './sweep-writer.js'
import { stateKeys, type Tables } from './tables.js'
import { u64 } from './bytes.js'
import { decodeItem, encodeStep, unpackBatch, type WireItem, type WireResult } from './wire.js'

/** Bytes that must be free for an input/output error not to be put down to lack of space: more than a batch needs. */
const scarce = 16 * 1024 * 1024

const inputOutputError = 5
/** What LMDB says to everything once the last write of a commit has failed; reads are told of it in a sentence only. */
const refusesAll = -30795
const refusal = /MDB_PANIC/

/** What LMDB says of a page that could not be written goes into memory that has room for so many bytes, however long it is (lmdb 3.5.6, mdb_page_flush). */
const roomForMessage = 100
const messageOfPage = /Attempting to write page at position .*/s

/** Whether LMDB has written beyond its memory while it told of that. */
export function spoilsMemory (error: unknown): boolean {
  const [said = ''] = messageOfPage.exec(error instanceof Error ? error.message : '') ?? []
  return Buffer.byteLength(said) >= roomForMessage
}

/** Bytes that a transaction may write at most: the way to all of its rows through all tables, and for each row pages of the tables that it may be in. */
const perTransaction = 256 * 1024
const perRow = 24 * 1024

/** An item has come upon something that has other bytes than were written, in the middle of what it does: the transaction is given up, and LMDB is as well as it was. */
class MetDamage extends StorageError {
  constructor (readonly item: Buffer, damage: StorageError) { super(damage.reason, damage.message, { cause: damage }) }
}

/** Items that are left out of a batch one after the other, for each of which the rest is applied once more. */
const mostLeftOut = 8

/** Milliseconds that all which was written together took: to be applied, and to get onto the disk. */
export interface WriteTimes {
  applying: number
  flushing: number
}

export class Writer {
  readonly #directory: string
  readonly #tables: Tables
  readonly #changes: ChangeWriter
  readonly #sweep: SweepWriter
  readonly #intake: IntakeWriter
  readonly #room: FileRoom
  readonly #disk: DiskProbe
  /** The disk has failed in a way that may pass: LMDB is left alone until it works again. */
  #ailing = false
  /** Transactions up to this one are there, and LMDB does nothing any more until its file is opened anew. */
  lost: number | undefined
  /** What was said of the write that failed then. */
  #lostBy = ''
  /** Memory of this process has other bytes than it should: nothing more may be written. What was said of it. */
  spoilt: string | undefined
  /** Of what was written last. */
  readonly times: WriteTimes = { applying: 0, flushing: 0 }

  constructor (directory: string, tables: Tables) {
    this.#directory = directory
    this.#tables = tables
    this.#changes = new ChangeWriter(tables)
    this.#sweep = new SweepWriter(tables, this.#changes)
    this.#intake = new IntakeWriter(tables, this.#changes)
    this.#room = new FileRoom(join(directory, 'meta.lmdb'), tables)
    this.#disk = new DiskProbe(directory)
  }

  close (): void {
    this.#room.close()
  }

  /**
   * Applies batches, all in one transaction; on the disk when it returns. Answers the results of each. An item whose expectations do not hold leaves its neighbours alone, and so does one that
   * comes upon damage. When the transaction fails (no space left), each item is tried in one of its own, so that only those fail which cannot be done.
   */
  write (batches: readonly Uint8Array[]): WireResult[][] {
    const items = batches.map(unpackBatch)
    const results = this.#written(items.flat())
    let end = 0
    return items.map(({ length }) => {
      end += length
      return results.slice(end - length, end)
    })
  }

  #written (items: readonly Buffer[]): WireResult[] {
    this.times.applying = this.times.flushing = 0
    // It was waiting when another one failed. LMDB would begin a transaction that is none.
    const over = this.#over()
    if (over !== undefined) return items.map(() => over)
    const ailment = this.#ailing ? this.#ailment() : undefined
    if (ailment !== undefined) return items.map(() => ailment)
    try {
      return this.#together(items)
    } catch (error) {
      if (this.lost !== undefined || this.spoilt !== undefined) return items.map(() => this.#failure(error))
      // Each write that fails inside of LMDB is one more risk: its library does not survive all of them.
      if (this.#reasonOf(error) !== 'full') {
        const ailment = this.#ailment()
        if (ailment !== undefined) return items.map(() => ailment)
      }
      // LMDB uses what a transaction freed from the next but one on. A full store where only large writes are tried would never get there.
      this.#advance()
    }
    return items.map(item => {
      const over = this.#over()
      if (over !== undefined) return over
      try {
        return this.#transact([item])[0] ?? this.#failure(new Error('nothing happened'))
      } catch (error) {
        return this.#failure(error)
      }
    })
  }

  /** Why nothing may be written any more; undefined: it may. */
  #over (): WireResult | undefined {
    const said = this.spoilt ?? (this.lost === undefined ? undefined : this.#lostBy)
    return said === undefined ? undefined : this.#failure(new Error(said))
  }

  /** All in one transaction, but for those that come upon damage. */
  #together (items: readonly Buffer[]): WireResult[] {
    const failed = new Map<Buffer, WireResult>()
    for (;;) {
      const rest = items.filter(item => !failed.has(item))
      try {
        const results = rest.length === 0 ? [] : this.#transact(rest)
        const made = new Map(rest.map((item, at) => [item, results[at]]))
        return items.map(item => failed.get(item) ?? made.get(item) ?? this.#failure(new Error('nothing happened')))
      } catch (error) {
        if (!(error instanceof MetDamage) || failed.size >= mostLeftOut) throw error
        failed.set(error.item, this.#failure(error))
      }
    }
  }

  /** `gives`: whatever the items are, it is to be possible on a full disk. */
  #transact (items: readonly Buffer[], gives = false): WireResult[] {
    const began = performance.now()
    let applied = began
    let last = 0
    const transaction = (): WireResult[] => {
      last = this.#tables.env.getWriteTxnId() - 1
      const decoded = items.map(decodeItem)
      const rows = decoded.reduce((sum, item) => sum + rowsOf(item), 0)
      const bytes = items.reduce((sum, { length }) => sum + length, 0)
      this.#room.require(perTransaction + rows * perRow + 2 * bytes, gives || !decoded.some(takes))
      this.#changes.begin()
      const results = decoded.map((item, at) => this.#applied(item, items[at]))
      this.#changes.end()
      applied = performance.now()
      return results
    }
    try {
      const results = this.#tables.env.transactionSync(transaction)
      this.times.applying += applied - began
      this.times.flushing += performance.now() - applied
      return results
    } catch (error) {
      if (spoilsMemory(error)) this.spoilt ??= String(error)
      else if (this.lost === undefined && this.#refusesAll()) {
        this.lost = last
        this.#lostBy = String(error)
      }
      throw error
    }
  }

  /** Throws MetDamage where that is why it cannot be done. */
  #applied (item: WireItem, bytes: Buffer = Buffer.alloc(0)): WireResult {
    try {
      return this.#apply(item)
    } catch (error) {
      throw error instanceof StorageError && error.reason === 'corrupt' ? new MetDamage(bytes, error) : error
    }
  }

  #refusesAll (): boolean {
    const { env, state } = this.#tables
    try {
      env.resetReadTxn()
      state.getBinary(stateKeys.sequence)
      return false
    } catch (error) {
      return (error as { code?: unknown } | null)?.code === refusesAll || refusal.test(String(error))
    }
  }

  #advance (): void {
    try {
      this.#transact([encodeStep({ kind: 'touch' })], true)
    } catch {
      // Then not even this can be done, and the items will say why.
    }
  }

  /** Why the disk takes nothing, found out beside LMDB; undefined: it does. */
  #ailment (): WireResult | undefined {
    try {
      this.#disk.probe()
      this.#ailing = false
      return undefined
    } catch (error) {
      this.#ailing = this.#reasonOf(error) !== 'full'
      return this.#ailing ? this.#failure(error) : undefined
    }
  }

  #failure (error: unknown): WireResult {
    return ['failed', this.#reasonOf(error), toStorageError(error, `writing to meta.lmdb in ${this.#directory}`).message]
  }

  #reasonOf (error: unknown): StorageReason {
    // LMDB calls a write that was cut short by a full disk an input/output error.
    const full = (error as { code?: unknown } | null)?.code === inputOutputError && isScarce(this.#directory)
    return full ? 'full' : toStorageError(error, '').reason
  }

  #apply (item: WireItem): WireResult {
    switch (item.kind) {
      case 'change': return this.#changes.apply(item)
      case 'openLease': return done(this.#sweep.openLease(item.lease))
      case 'closeLease': return done(this.#sweep.closeLease(item.lease))
      case 'dropLease': return done(this.#sweep.dropLease(item.lease))
      case 'condemn': return done(this.#sweep.condemn(item.grace, item.limit))
      case 'dropPins': return done(this.#sweep.dropPins(item.keys))
      case 'forget': return done(this.#sweep.forget(item.blobs))
      case 'prune': return done(this.#sweep.prune(item.limit))
      case 'trimLog': return done(this.#sweep.trimLog(item.olderThan, item.limit))
      case 'noteAccesses': return done(this.#changes.noteAccesses(item.notes))
      case 'beginCounting': return done(this.#changes.usage.beginCounting(item.what))
      case 'countTree': return done(this.#changes.usage.countTree(item.container))
      case 'recount': return done(this.#changes.usage.restart())
      case 'countMore': return done(this.#changes.usage.countMore(item.limit))
      case 'noteScrub': return done(this.#tables.state.putSync(stateKeys.scrub, item.note))
      case 'beginIntake': return done(this.#intake.begin(item.root, item.last))
      case 'move': return done(this.#intake.move(item.lease, item.from, item.birth))
      case 'take': return done(this.#intake.take(item.wholes, item.gone))
      case 'log': return done(this.#intake.log(item.entries))
      case 'finishIntake': return done(this.#intake.finish(item.last))
      case 'touch': return done(this.#tables.state.putSync(stateKeys.touched, u64(Date.now())))
    }
  }
}

/** About as many rows as it changes. */
function rowsOf (item: WireItem): number {
  switch (item.kind) {
    case 'change': return item.put.length + item.remove.length + item.births.length + item.events.length
    case 'take': return item.wholes.length + item.gone.length
    case 'log': return item.entries.length
    case 'noteAccesses': return countNotes(item.notes)
    // Accounts are few, and small.
    case 'countMore': return 64
    default: return 1
  }
}

/** Whether it needs space that it does not give back. What only tries whether space can be had is among these. */
function takes (item: WireItem): boolean {
  return item.kind === 'change' ? item.put.length + item.births.length > 0 : ['take', 'move', 'log', 'touch'].includes(item.kind)
}

function done (count: number | boolean | void): WireResult {
  return ['done', Number(count ?? 0)]
}

function isScarce (directory: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(directory)
    return bavail * bsize < scarce
  } catch {
    return false
  }
}
