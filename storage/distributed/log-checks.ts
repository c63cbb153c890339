/** The change log of a store of many servers, entry by entry: also past those that nobody can read. */
import type { Sequence } from '../contract.js'
import type { Finding } from '../verify/findings.js'
import type { Mend } from './database-checks.js'
import { readEvent } from './log-events.js'
import { type LookedAt, rowsIn } from './look-rows.js'

export interface LogLook {
  readonly looked: LookedAt
  /** The last place that is given out, and settled. */
  readonly last: Sequence
  readonly found: (finding: Finding, mend: Mend) => void
  /** Is told of so many entries more. */
  readonly tell: (entries: number) => void
}

type Row = [sequence: string, event: string | null]
type RowBeyond = [sequence: string | null, event: string | null, given: string, trimmed: string]

const page = 500

export async function lookAtLog (look: LogLook): Promise<void> {
  const { looked, last, found, tell } = look
  for (let after: Sequence = 0; after < last;) {
    const rows = await rowsIn<Row>(looked, 'log', s => `select l.sequence, l.event from ${s}.log l where l.sequence > $1 and l.sequence <= $2 and l.event is not null order by l.sequence limit ${page}`, [after, last])
    const end = rows.at(-1)
    if (end === undefined) break
    for (const [sequence, event] of rows) {
      if (event !== null && readEvent(event) === undefined) found({ kind: 'log', problem: `Entry ${sequence} of the change log is not readable` }, async () => await emptied(looked, sequence, event))
    }
    after = Number(end[0])
    tell(rows.length)
  }
  await beyond(look)
}

/** Its text is kept, and its place is that of nobody. */
async function emptied (looked: LookedAt, sequence: string, event: string): Promise<string | undefined> {
  const done = await rowsIn(looked, 'log_aside', s => `with damaged as (select sequence, event from ${s}.log where sequence = $1 and event = $2 for update),
    kept as (insert into ${s}.moved_aside (part, key, value) select 'log', sequence::text, event from damaged returning key)
    update ${s}.log set event = null where sequence = (select key::bigint from kept) returning 1`, [sequence, event])
  return done.length > 0 ? aside : undefined
}

const aside = 'its text is in the table moved_aside of the schema, and nobody is given it any more'

/** Numbers between two entries that may be missing: writers that gave up have taken some. */
const mostMissing = 1000

/**
 * Entries with numbers that were never given out. What follows the end, and each other, was written by somebody, and the numbers go on behind it; places between them that nobody has are closed as all are. Far away a number is
 * wrong, and whoever follows the log would wait there for all that seems to be missing. In one statement: the end is read after what is compared with it.
 */
async function beyond ({ looked, found }: LogLook): Promise<void> {
  const rows = await rowsIn<RowBeyond>(looked, 'log_beyond', s => `select l.sequence, l.event, e.given, e.trimmed
    from (select case when q.is_called then q.last_value else 0 end as given, t.trimmed from ${s}.log_sequence q, ${s}.store t) e
    left join lateral (select b.sequence, b.event from ${s}.log b where b.sequence > greatest(e.given, e.trimmed) order by b.sequence limit ${page}) l on true order by l.sequence`, [])
  const first = Number(rows[0]?.[2] ?? 0)
  const trimmed = Number(rows[0]?.[3] ?? 0)
  // What was trimmed was there, whatever is said of the end: a copy of the tables may have been made without that.
  let end = Math.max(first, trimmed)
  const missing: string[] = []
  for (const [sequence, event] of rows) {
    if (sequence === null) break
    const place = Number(sequence)
    if (place > end + 1 + mostMissing) found({ kind: 'log', problem: `The change log has an entry ${sequence}, far behind its end` }, async () => await removed(looked, sequence, event))
    else {
      if (place > end + 1) missing.push(place === end + 2 ? String(end + 1) : `${end + 1} to ${place - 1}`)
      end = place
    }
  }
  if (end === first) return
  const gaps = missing.length === 0 ? '' : `; without ${missing.slice(0, 10).join(', ')}${missing.length > 10 ? ' and more' : ''}`
  found({ kind: 'log', problem: `The change log ${end === trimmed ? 'had' : 'has'} entries up to ${end}, and is said to end at ${first}${gaps}` }, async () => {
    await rowsIn(looked, 'log_end', s => `select setval('${s}.log_sequence', greatest($1::bigint, (select last_value from ${s}.log_sequence)))`, [end])
    return 'it goes on behind them'
  })
}

async function removed (looked: LookedAt, sequence: string, event: string | null): Promise<string | undefined> {
  const done = await rowsIn(looked, 'log_remove', s => `with gone as (delete from ${s}.log where sequence = $1 and event is not distinct from $2 returning sequence, event)
    insert into ${s}.moved_aside (part, key, value) select 'log', sequence::text, event from gone returning 1`, [sequence, event])
  return done.length > 0 ? aside : undefined
}
