/** The statements of a store, by their names. Each is one transaction and one round trip. */
import type { Statement } from './database.js'
import type { Names } from './names.js'
import { tryCondemning } from './pins.js'
import { headColumns, recordColumns } from './postgres-record.js'

/** Milliseconds between two looks at what came late under a closed lease. */
const lookAgain = 3_600_000

/** What was heard of while the clock was ahead counts as heard of now: else the dead would live until the clock is there again. */
export const renewAhead = (s: string): string => `update ${s}.leases set seen = clock_timestamp() where open and seen > clock_timestamp() returning id`

const texts = (names: Names, s = names.schema) => ({
  get: `select ${recordColumns('r')} from ${s}.records r where r.id = $1`,
  getMany: `select ${recordColumns('r')} from ${s}.records r where r.id = any($1::bytea[])`,
  resolve: `with recursive walk as (
      select r.*, 0 as depth from ${s}.records r where r.id = $1
      union all
      select r.*, walk.depth + 1 from walk join ${s}.records r on r.parent_id = walk.id and r.name = ($2::bytea[])[walk.depth + 1]
      where walk.depth < cardinality($2::bytea[])
    ) select ${recordColumns('walk')} from walk order by depth`,
  lineage: `with recursive walk as (
      select r.*, 0 as depth, array[r.id] as seen from ${s}.records r where r.id = $1
      union all
      select r.*, walk.depth + 1, walk.seen || r.id from walk join ${s}.records r on r.id = walk.parent_id where r.id <> all(walk.seen)
    ) select ${recordColumns('walk')} from walk order by depth desc`,
  children: `select r.name, r.id, r.type from ${s}.records r where r.parent_id = $1 and r.name >= $2 and r.name < $3 order by r.name limit $4`,
  // One row, whatever the number of names: their bytes, their lengths in two bytes each, the letters of their types. The order within is that of the
  // inner query, which nothing but the aggregation reads.
  names: `select string_agg(n.name, ''), string_agg(int2send(octet_length(n.name)::int2), ''), string_agg(n.type, '') from (
      select r.name, r.type from ${s}.records r where r.parent_id = $1 and r.name >= $2 and r.name < $3 order by r.name limit $4
    ) n`,
  tree: `select ${headColumns('t')} from ${s}.tree($1, $2, $3, $4, $5) t`,
  segments: `select r.version, g.start, g.length, g.blob, g.blob_start from ${s}.records r left join ${s}.segments g on g.record_id = r.id
      and g.start < $3 and g.start + g.length > $2
      and g.start >= coalesce((select max(b.start) from ${s}.segments b where b.record_id = $1 and b.start <= $2), 0)
    where r.id = $1 order by g.start`,
  hasSegments: `select count(*)::int from (select 1 from ${s}.segments g where g.record_id = any($1::bytea[]) limit $2) counted`,
  commit: `select ${s}.commit_change($1, $2)`,
  commitLimited: `select ${s}.commit_limited($1, $2, $3, $4)`,
  commitTrees: `select ${s}.commit_trees($1, $2, $3, $4, $5)`,
  beginCounting: `select ${s}.begin_counting($1)`,
  beginTrees: `select ${s}.begin_trees()`,
  countTree: `select ${s}.count_tree($1)`,
  isTree: `select exists (select 1 from ${s}.trees t where t.root = $1)`,
  recount: `select ${s}.recount()`,
  countMore: `select ${s}.count_more($1)`,
  countMoreTrees: `select ${s}.count_more_trees($1)`,
  counting: `select owners, children, trees from ${s}.counting`,
  usage: `select case when $1 like 'owner:%' then c.owners when $1 like 'tree:%' then t.root is not null else c.children end, sum(u.bytes), sum(u.objects),
      case when $1 like 'owner:%' then c.cursor is null when $1 like 'tree:%' then t.cursor is null else true end
    from ${s}.counting c left join ${s}.trees t on t.root = case when $1 like 'tree:%' then decode(substr($1, 6), 'hex') end left join ${s}.usage u on u.account = $1
    group by c.owners, c.children, c.cursor, t.root, t.cursor`,
  // Walks over containers alone: there may be any number of other objects.
  miscounts: `with recursive below as (
      select t.root, t.root as id from ${s}.trees t
      union
      select unnest(o.trees), o.id from ${s}.orphans o
      union
      select b.root, k.id from below b join ${s}.records k on k.parent_id = b.id where k.type = 'c'
    ), counted as (select * from ${s}.counting), noted as (
      select account, sum(bytes) as bytes, sum(objects) as objects from ${s}.usage group by account
    ), found as (
      select 'owner:' || ${s}.owner_in(r.attributes) as account, sum(r.size) as bytes, count(*) filter (where position(r.type in 'pt') = 0) as objects
      from counted c, ${s}.records r where c.owners and (c.cursor is null or r.id <= c.cursor) and ${s}.owner_in(r.attributes) is not null group by 1
      union all
      select n.account, 0, (select count(*) from ${s}.records k where k.parent_id = decode(substr(n.account, 10), 'hex')) from noted n where n.account like 'children:%'
      union all
      select 'tree:' || upper(encode(m.root, 'hex')), sum(m.size), sum(m.objects) from (
        select b.root, r.id, r.size, 1 as objects from below b join ${s}.records r on r.parent_id = b.id and r.id <> b.root where position(r.type in 'pt') = 0
        union all
        select t.root, r.id, r.size, 1 from ${s}.trees t join ${s}.records r on r.id = t.root
        union all
        select t.root, r.id, r.size, 0 from ${s}.records r join ${s}.trees t on t.root = any(${s}.trees_in(r.attributes)) where position(r.type in 'pt') > 0
      ) m join ${s}.trees t on t.root = m.root and (t.cursor is null or m.id <= t.cursor) group by m.root
    )
    select account, coalesce(n.bytes, 0), coalesce(n.objects, 0), coalesce(f.bytes, 0), coalesce(f.objects, 0) from noted n full join found f using (account)
    where coalesce(n.bytes, 0) <> coalesce(f.bytes, 0) or coalesce(n.objects, 0) <> coalesce(f.objects, 0) order by account`,
  accesses: `select a.count, a.last from ${s}.accesses a where a.id = $1`,
  // In the order of the IDs, so that two servers do not wait for each other.
  noteAccesses: `insert into ${s}.accesses (id, count, last)
    select n.id, n.count, n.last from unnest($1::bytea[], $2::bigint[], $3::bigint[]) as n(id, count, last)
    where exists (select 1 from ${s}.records r where r.id = n.id) order by n.id
    on conflict (id) do update set count = accesses.count + excluded.count, last = greatest(accesses.last, excluded.last)`,
  openLease: `insert into ${s}.leases (id, open, seen) values ($1, true, clock_timestamp()) on conflict do nothing`,
  renewLeases: `update ${s}.leases set seen = clock_timestamp() where id = any($1::text[]) and open returning id`,
  leaseIsOpen: `select open from ${s}.leases where id = $1`,
  // Who lives is heard of again.
  staleLeases: `with ahead as (${renewAhead(s)}) select id from ${s}.leases where open and seen < clock_timestamp() - $1::float8 * interval '1 millisecond' and id <> all($2::text[])`,
  closeLease: `select ${s}.close_lease($1)`,
  closedLeases: `select id from ${s}.leases where not open and (swept is null or swept < clock_timestamp() - interval '${lookAgain} milliseconds' or swept > clock_timestamp())`,
  // Kept as long as something may come late.
  dropLease: `with swept as (
      update ${s}.leases set swept = clock_timestamp(), closed = least(closed, clock_timestamp()) where id = $1 and not open and closed > clock_timestamp() - $2::float8 * interval '1 millisecond'
    ) delete from ${s}.leases where id = $1 and not open and closed <= clock_timestamp() - $2::float8 * interval '1 millisecond'`,
  unborn: `select asked.blob from unnest($1::text[]) asked(blob) where not exists (select 1 from ${s}.blobs b where b.id = asked.blob)`,
  // Nothing while there is a pin.
  condemn: `select case when ${tryCondemning(names)} then ${s}.condemn($1, $2) else 0 end`,
  // Changes nothing, and is a write.
  lasting: `update ${s}.store set trimmed = trimmed`,
  doomed: `select blob from ${s}.doomed limit $1`,
  forget: `delete from ${s}.doomed where blob = any($1::text[])`,
  prune: `select removed, cleared from ${s}.prune_step($1)`,
  trimLog: `select removed, missing, missing_to from ${s}.trim_log($1, $2)`,
  census: `select (select count(*) from ${s}.records), count(*), coalesce(sum(size), 0) from ${s}.blobs`,
  // Of each page only as much as there is room for, and one in any case: what comes before a record is what counts.
  wholes: `select ${recordColumns('w')},
      (select json_agg(json_build_array(g.start, g.length, g.blob, g.blob_start) order by g.start)::text from ${s}.segments g where g.record_id = w.id),
      a.count, a.last
    from (
      select r.*, sum(octet_length(r.attributes) + coalesce(octet_length(r.inline), 0)) over (order by r.id rows between unbounded preceding and 1 preceding) as weight
      from (select * from ${s}.records where id > $1 order by id limit $2) r
    ) w left join ${s}.accesses a on a.id = w.id
    where w.weight is null or w.weight < $3 order by w.id`,
  namedBlobs: `select b.id, b.size, b.hash from ${s}.blobs b where b.id > $1 and exists (select 1 from ${s}.segments g where g.blob = b.id) order by b.id limit $2`,
  // Taken when nobody has it, or who has was not heard of for so long, or was so long before its time by a clock that was ahead: who lives notices that. Told in any case.
  claimScrub: `with taken as (
      update ${s}.scrub set holder = $1, seen = clock_timestamp()
      where holder is null or holder = $1 or seen not between clock_timestamp() - $2::float8 * interval '1 millisecond' and clock_timestamp() + $2::float8 * interval '1 millisecond' returning note
    ) select note, true from taken union all select note, false from ${s}.scrub where not exists (select 1 from taken)`,
  noteScrub: `update ${s}.scrub set note = $2, seen = clock_timestamp() where holder = $1 returning one`,
  releaseScrub: `update ${s}.scrub set holder = null where holder = $1`,
  moved: `select m.source, m.blob from ${s}.moved m where m.source = any($1::text[])`,
  // The trash looks at it, once there is a sweeper again: what no record has named by then is garbage.
  move: `with born as (
      insert into ${s}.blobs (id, size, hash, trashed)
      select $3, $4, $5, clock_timestamp() where exists (select 1 from ${s}.leases where id = $1 and open) returning id
    ) insert into ${s}.moved (source, blob) select $2, id from born on conflict (source) do update set blob = excluded.blob returning blob`
})

export type Statements = Readonly<Record<keyof ReturnType<typeof texts>, Statement>>

export function statementsOf (names: Names): Statements {
  const all = texts(names)
  const named = <Name extends keyof typeof all>(name: Name): Statement => ({ name, text: all[name] })
  return {
    get: named('get'),
    getMany: named('getMany'),
    resolve: named('resolve'),
    lineage: named('lineage'),
    children: named('children'),
    names: named('names'),
    tree: named('tree'),
    segments: named('segments'),
    hasSegments: named('hasSegments'),
    commit: named('commit'),
    commitLimited: named('commitLimited'),
    commitTrees: named('commitTrees'),
    beginTrees: named('beginTrees'),
    countTree: named('countTree'),
    isTree: named('isTree'),
    countMoreTrees: named('countMoreTrees'),
    beginCounting: named('beginCounting'),
    recount: named('recount'),
    countMore: named('countMore'),
    counting: named('counting'),
    usage: named('usage'),
    miscounts: named('miscounts'),
    accesses: named('accesses'),
    noteAccesses: named('noteAccesses'),
    openLease: named('openLease'),
    renewLeases: named('renewLeases'),
    leaseIsOpen: named('leaseIsOpen'),
    staleLeases: named('staleLeases'),
    closeLease: named('closeLease'),
    closedLeases: named('closedLeases'),
    dropLease: named('dropLease'),
    unborn: named('unborn'),
    condemn: named('condemn'),
    lasting: named('lasting'),
    doomed: named('doomed'),
    forget: named('forget'),
    prune: named('prune'),
    trimLog: named('trimLog'),
    census: named('census'),
    wholes: named('wholes'),
    namedBlobs: named('namedBlobs'),
    claimScrub: named('claimScrub'),
    noteScrub: named('noteScrub'),
    releaseScrub: named('releaseScrub'),
    moved: named('moved'),
    move: named('move')
  }
}
