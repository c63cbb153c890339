/**
 * The change log, followed across servers. Places are given out before their commits are visible, and a later one may be visible
 * earlier; so nobody reads past a place that is missing. One that stays missing belonged to a commit that failed: an empty
 * entry takes its place, and should that commit still be under way, it finds its place taken and is made again with another.
 * Commits wait for nothing of this.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'pg'
import type { Reporter } from '../compose-store.js'
import type { LoggedEvent, Sequence } from '../contract.js'
import type { Database, Statement } from './database.js'
import { type PassOver, readableOf } from '../backup/unreadable.js'
import { openEvent } from './log-events.js'
import type { Names } from './names.js'

/** Entries that a follower takes at a time. */
const page = 1000
/** Milliseconds after which the log is looked at though nobody has said that there is something new: with and without an ear for hints. */
const pollHinted = 1000
const pollAlone = 200
/** Milliseconds that a place may be missing before it is given up; and between two looks at it. */
const patience = 1000
const recheck = 20
/** Milliseconds between two hints of one server. */
const hintInterval = 50
/** Places back from the newest in which a commit may be under way: far more than there can be connections. */
const openWindow = 10_000

interface Page {
  readonly entries: LoggedEvent[]
  /** Read up to here. */
  readonly through: Sequence
  /** The places `from` up to `to` are missing, so that what is behind them was not read. */
  readonly gap: { readonly from: Sequence, readonly to: Sequence } | undefined
}

type Row = [trimmed: string, sequence: string | null, event: string | null]

export class ChangeLog {
  readonly #database: Database
  readonly #names: Names
  readonly #report: Reporter
  readonly #statements: { readonly read: Statement, readonly last: Statement, readonly fill: Statement, readonly hint: Statement }
  readonly #followers = new Set<() => void>()
  readonly #stopped = new AbortController()
  #wakes = 0
  /** Everything up to here is visible, or never will be. */
  #settled: Sequence = 0
  /** Missing places, by the first of them, and since when somebody waits for them. */
  readonly #gaps = new Map<Sequence, number>()
  #ear: Promise<Client> | undefined
  #listening = false
  #hint: NodeJS.Timeout | undefined
  #ending: Promise<void> | undefined

  constructor (database: Database, names: Names, report: Reporter) {
    const { schema: s } = names
    this.#database = database
    this.#names = names
    this.#report = report
    this.#statements = {
      // The mark of what was trimmed comes along even if there is no entry.
      read: { name: 'log_read', text: `select store.trimmed, l.sequence, l.event from ${s}.store left join lateral (select sequence, event from ${s}.log where sequence > $1 order by sequence limit $2) l on true order by l.sequence` },
      last: {
        name: 'log_last',
        text: `select newest.last, (select count(*) from ${s}.log where sequence > greatest($1, newest.last - ${openWindow}, store.trimmed) and sequence <= newest.last), greatest($1, newest.last - ${openWindow}, store.trimmed)
          from ${s}.store, (select least(case when is_called then last_value else 0 end, $2) as last from ${s}.log_sequence) newest`
      },
      fill: { name: 'log_fill', text: `insert into ${s}.log (sequence, at) select place, clock_timestamp() from generate_series($1::bigint, $2::bigint) place on conflict do nothing` },
      hint: { name: 'log_hint', text: 'select pg_notify($1, \'\')' }
    }
  }

  /** This process has committed entries: its followers go on at once, others are told soon. */
  committed (): void {
    this.#wake()
    // Never in the transaction of the commit: the database makes those that notify wait for each other.
    this.#hint ??= setTimeout(() => {
      this.#hint = undefined
      // Only a hint: who misses it looks by himself a little later.
      this.#database.rows(this.#statements.hint, [this.#names.channel], 'telling others of changes').catch(() => {})
    }, hintInterval).unref()
  }

  #wake (): void {
    this.#wakes++
    for (const follower of this.#followers) follower()
  }

  /** `passOver` is told of what cannot be read, which is left out; without it that is an error. */
  async events (after: Sequence, limit: number, passOver?: PassOver): Promise<LoggedEvent[]> {
    const found: LoggedEvent[] = []
    let last = after
    while (found.length < limit) {
      const { entries, through } = await this.#read(last, limit - found.length, passOver)
      found.push(...entries)
      if (through === last) break
      last = through
    }
    return found
  }

  /** Up to the first place that is missing. */
  async #read (after: Sequence, limit: number, passOver?: PassOver): Promise<Page> {
    const rows = await this.#database.rows<Row>(this.#statements.read, [after, limit], 'reading the change log')
    const entries: LoggedEvent[] = []
    let through = Math.max(after, Number(rows[0]?.[0] ?? 0))
    for (const [, place, event] of rows) {
      if (place === null) break
      const sequence = Number(place)
      if (sequence > through + 1) {
        const gap = { from: through + 1, to: sequence - 1 }
        if (through === after) await this.#settle(gap)
        return { entries, through, gap }
      }
      if (event !== null) entries.push(...readableOf([event], event => ({ sequence, event: openEvent(sequence, event) }), passOver, () => ({})))
      through = sequence
    }
    // What was read past is missing no more.
    for (const from of this.#gaps.keys()) if (from <= through) this.#gaps.delete(from)
    return { entries, through, gap: undefined }
  }

  /** Gives up the places of a gap that has been looked at for long. */
  async #settle ({ from, to }: { from: Sequence, to: Sequence }): Promise<void> {
    const now = performance.now()
    const since = this.#gaps.get(from) ?? now
    this.#gaps.set(from, since)
    if (now - since >= patience) await this.fill(from, to)
  }

  /** Waits for commits that are about to take these places; where none does, nothing ever will be. */
  async fill (from: Sequence, to: Sequence): Promise<void> {
    await this.#database.rows(this.#statements.fill, [from, to], 'closing a gap in the change log')
  }

  /** The last place that was given out. When this resolves, it and all before it are visible, or never will be. */
  async lastSequence (): Promise<Sequence> {
    const since = performance.now()
    for (let newest: Sequence | undefined; ;) {
      const [row] = await this.#database.rows<[last: string, count: string, base: string]>(this.#statements.last, [this.#settled, newest ?? Number.MAX_SAFE_INTEGER], 'reading the change log')
      const [last = 0, count = 0, base = 0] = row?.map(Number) ?? []
      newest ??= last
      if (count >= last - base) {
        this.#settled = Math.max(this.#settled, last)
        return last
      }
      if (performance.now() - since > patience) await this.fill(base + 1, last)
      else await delay(recheck)
    }
  }

  async * watch (after: Sequence, signal: AbortSignal): AsyncGenerator<LoggedEvent> {
    const stop = AbortSignal.any([signal, this.#stopped.signal])
    let last = after
    let failed = false
    while (!stop.aborted) {
      const wakes = this.#wakes
      this.#listen()
      let read: Page | undefined
      try {
        read = await this.#read(last, page)
        failed = false
      } catch (error) {
        // He waits at the end of the log until the database is there again, and is told once.
        if (!failed && !stop.aborted) this.#report(error, 'following the change log')
        failed = true
      }
      for (const entry of read?.entries ?? []) {
        yield entry
        if (stop.aborted) return
      }
      const moved = read !== undefined && read.through > last
      last = read?.through ?? last
      if (moved || (wakes !== this.#wakes && read?.gap === undefined)) continue
      await this.#pause(stop, failed ? pollHinted : read?.gap !== undefined ? recheck : this.#listening ? pollHinted : pollAlone)
    }
  }

  /** Resolves at the next commit that this process hears of, or after so many milliseconds, or when `stop` aborts. */
  async #pause (stop: AbortSignal, milliseconds: number): Promise<void> {
    await new Promise<void>(resolve => {
      const wake = (): void => {
        clearTimeout(timer)
        this.#followers.delete(wake)
        stop.removeEventListener('abort', wake)
        resolve()
      }
      const timer = setTimeout(wake, milliseconds).unref()
      this.#followers.add(wake)
      stop.addEventListener('abort', wake)
      if (stop.aborted) wake()
    })
  }

  /** Listens for hints on a connection of its own, while there are followers. Whoever cannot, polls. */
  #listen (): void {
    if (this.#ear !== undefined || this.#stopped.signal.aborted) return
    // Followers poll from now on, and the next look of one of them brings another connection.
    const lost = (): void => {
      if (this.#ear !== ear) return
      this.#ear = undefined
      this.#listening = false
    }
    const ear = this.#openEar(lost)
    this.#ear = ear
    ear.catch(lost)
  }

  async #openEar (lost: () => void): Promise<Client> {
    const client = await this.#database.client()
    const close = (): void => {
      lost()
      client.end().catch(() => {})
    }
    client.on('error', close)
    client.on('end', lost)
    client.on('notification', () => { this.#wake() })
    try {
      await client.query(`listen "${this.#names.channel}"`)
    } catch (error) {
      close()
      throw error
    }
    this.#listening = true
    this.#wake()
    return client
  }

  /** Ends all followers. */
  stop (): void {
    this.#stopped.abort()
    clearTimeout(this.#hint)
    const ear = this.#ear
    this.#ear = undefined
    if (ear !== undefined) this.#ending = this.#database.patiently(ear.then(async client => { await client.end() }).catch(() => {}))
  }

  /** Resolves when the connection of the followers is closed. */
  async stopped (): Promise<void> {
    await this.#ending
  }
}
