/**
 * Version 1: the tables, and the functions that do what takes several steps in one round trip.
 *
 * Writers exclude each other by advisory locks, which end with their transactions: each change holds the objects that it changes
 * for itself, and shares those that must only stay as they are (the containers above them). Shared locks cost no row its
 * place on disk, and whoever wants a container for himself gets his turn however many create in it. All locks
 * of a change are taken first and in the order of their keys, so that no two changes wait for each other. The functions are right only while every
 * statement sees what was committed before it began: in READ COMMITTED.
 */
import type { Names } from '../names.js'

export const firstTables = ({ schema: s, seed }: Names): string => `
create table ${s}.records (
  id bytea primary key,
  version bigint not null,
  type text not null,
  parent_id bytea,
  name bytea,
  size bigint not null,
  -- JSON as text: jsonb would refuse \\u0000, and bytes would hide it from people.
  attributes text not null,
  inline bytea
);
-- Values are as compact as they get.
alter table ${s}.records alter column inline set storage external;
-- Names are bytes: they sort by them, whatever the collation. A listing needs nothing but the index.
create unique index records_place on ${s}.records (parent_id, name) include (id, type) where parent_id is not null;

create table ${s}.segments (
  record_id bytea not null,
  start bigint not null,
  length bigint not null,
  blob text collate "C" not null,
  blob_start bigint not null,
  primary key (record_id, start)
);
-- Who names a blob is looked up, never counted, so that nothing can drift.
create index segments_blob on ${s}.segments (blob);

-- A blob without a row here is not born, or doomed. trashed: when it lost a reference, to be looked at after the grace time.
create table ${s}.blobs (
  id text collate "C" primary key,
  size bigint not null,
  hash text not null,
  trashed timestamptz
);
create index blobs_trashed on ${s}.blobs (trashed) where trashed is not null;
create table ${s}.doomed (blob text collate "C" primary key);

create table ${s}.leases (
  id text collate "C" primary key,
  open boolean not null,
  seen timestamptz not null,
  closed timestamptz,
  swept timestamptz
);

-- Removed containers: their descendants are still to be removed.
create table ${s}.orphans (id bytea primary key);

create table ${s}.accesses (
  id bytea primary key references ${s}.records on delete cascade,
  count bigint not null,
  last bigint not null
);

-- A row without an event takes the place of one that was given out and never committed.
create sequence ${s}.log_sequence;
create table ${s}.log (
  sequence bigint primary key,
  at timestamptz not null,
  event text
);

-- One row: what there is only one of.
create table ${s}.store (
  root bytea not null,
  -- Entries of the log up to here are gone.
  trimmed bigint not null default 0,
  one boolean primary key default true check (one)
);

create function ${s}.lock_key(id bytea) returns bigint language sql immutable parallel safe as $function$
  -- The end of an ID is its random part.
  select ('x' || lpad(right(encode(id, 'hex'), 16), 16, '0'))::bit(64)::bigint # ${seed}
$function$;

create function ${s}.lease_key(lease text) returns bigint language sql immutable parallel safe as $function$
  select hashtextextended(lease, ${seed})
$function$;

-- Applies a change of the contract whole, or answers the conflict. \`bytes\`: the inline values, one after the other.
create function ${s}.commit_change(change jsonb, bytes bytea) returns jsonb language plpgsql as $function$
declare
  found_id bytea;
  added bigint;
  held bigint;
  lost text[];
  cut text[];
  last bigint;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'a change must be made in READ COMMITTED, not in %', current_setting('transaction_isolation');
  end if;

  if change ? 'whole' then
    perform pg_advisory_xact_lock(${seed});
  else
    perform pg_advisory_xact_lock_shared(${seed});
    perform case when own then pg_advisory_xact_lock(key) else pg_advisory_xact_lock_shared(key) end
    from (
      select key, bool_or(own) as own from (
        select ${s}.lock_key(decode(e.id, 'hex')) as key, true as own from jsonb_array_elements_text(change->'own') as e(id)
        union all
        select ${s}.lock_key(decode(e.id, 'hex')), false from jsonb_array_elements_text(change->'shared') as e(id)
      ) wanted group by key order by key
    ) ordered;
  end if;
  if change ? 'lease' then
    perform pg_advisory_xact_lock_shared(${s}.lease_key(change->>'lease'));
    perform 1 from ${s}.leases where id = change->>'lease' and open;
    if not found then return '{"on": "lease"}'; end if;
  end if;

  -- From here on nobody changes what is looked at, except that names are taken.
  select decode(wanted.pair->>0, 'hex') into found_id
  from jsonb_array_elements(change->'check') as wanted(pair)
  left join ${s}.records r on r.id = decode(wanted.pair->>0, 'hex')
  where coalesce(r.version, 0) <> (wanted.pair->>1)::bigint
  limit 1;
  if found then return jsonb_build_object('on', 'version', 'id', encode(found_id, 'hex')); end if;

  if change ? 'new' then
    select o.id into found_id from ${s}.orphans o
    where o.id in (select decode(e.id, 'hex') from jsonb_array_elements_text(change->'new') as e(id)) limit 1;
    if found then return jsonb_build_object('on', 'version', 'id', encode(found_id, 'hex')); end if;
  end if;
  if change ? 'placed' then
    found_id := ${s}.holder(change);
    if found_id is not null then return jsonb_build_object('on', 'name', 'id', encode(found_id, 'hex')); end if;
  end if;
  if change ? 'blobs' then
    -- Held until the end, so that the sweeper passes them over; one that it is condemning is waited for, and is gone then.
    select count(*) into held from (
      select 1 from ${s}.blobs b where b.id in (select pair->>0 from jsonb_array_elements(change->'blobs') as e(pair)) for key share
    ) locked;
    if held < jsonb_array_length(change->'blobs') then
      select decode(pair->>1, 'hex') into found_id from jsonb_array_elements(change->'blobs') as e(pair)
      where not exists (select 1 from ${s}.blobs b where b.id = pair->>0) limit 1;
      if found then return jsonb_build_object('on', 'version', 'id', encode(found_id, 'hex')); end if;
      raise exception 'a blob was born meanwhile' using errcode = '40001';
    end if;
  end if;

  if change ? 'remove' then
    insert into ${s}.orphans
    select decode(gone->>0, 'hex') from jsonb_array_elements(change->'remove') as e(gone) where (gone->>1)::boolean
    on conflict do nothing;
    delete from ${s}.records where id in (select decode(gone->>0, 'hex') from jsonb_array_elements(change->'remove') as e(gone));
  end if;
  if change ? 'clear' then
    with gone as (
      delete from ${s}.segments where record_id in (select decode(e.id, 'hex') from jsonb_array_elements_text(change->'clear') as e(id)) returning blob
    )
    select array_agg(distinct blob) into lost from gone;
  end if;
  if change ? 'shuffled' then
    -- One may take a name that another is leaving.
    update ${s}.records r set parent_id = null, name = null
    from jsonb_to_recordset(change->'put') as p(i text, p text, n text)
    where r.id = decode(p.i, 'hex') and r.parent_id is not null and (r.parent_id, r.name) is distinct from (decode(p.p, 'hex'), decode(p.n, 'hex'));
  end if;
  if change ? 'new' then
    insert into ${s}.records (id, version, type, parent_id, name, size, attributes, inline)
    select decode(p.i, 'hex'), 1, p.t, decode(p.p, 'hex'), decode(p.n, 'hex'), p.s, p.a,
      case when p.f is not null then (select source.inline from ${s}.records source where source.id = decode(p.f, 'hex'))
        when p.o is not null then substring(bytes from p.o + 1 for p.l) end
    from jsonb_to_recordset(change->'put') as p(i text, v bigint, t text, p text, n text, s bigint, a text, f text, o int, l int)
    where p.v = 1
    on conflict do nothing;
    get diagnostics added = row_count;
    if added < jsonb_array_length(change->'new') then
      -- Somebody has it. If nothing was written yet, he can be named now.
      if added = 0 and not change ?| array['remove', 'clear', 'shuffled'] then
        found_id := ${s}.holder(change);
        if found_id is not null then return jsonb_build_object('on', 'name', 'id', encode(found_id, 'hex')); end if;
      end if;
      raise exception 'names or IDs were taken meanwhile' using errcode = '40001';
    end if;
    select o.id into found_id from ${s}.orphans o
    where o.id in (select decode(e.id, 'hex') from jsonb_array_elements_text(change->'new') as e(id)) limit 1;
    if found then raise exception 'an ID was removed meanwhile' using errcode = '40001'; end if;
  end if;
  if change ? 'changed' then
    update ${s}.records r set
      version = p.v, type = p.t, parent_id = decode(p.p, 'hex'), name = decode(p.n, 'hex'), size = p.s, attributes = p.a,
      inline = case when p.f is not null then (select source.inline from ${s}.records source where source.id = decode(p.f, 'hex'))
        when p.o is not null then substring(bytes from p.o + 1 for p.l) end
    from jsonb_to_recordset(change->'put') as p(i text, v bigint, t text, p text, n text, s bigint, a text, f text, o int, l int)
    where p.v > 1 and r.id = decode(p.i, 'hex');
  end if;

  if change ? 'splice' then
    with gone as (
      delete from ${s}.segments g
      using jsonb_to_recordset(change->'splice') as x(i text, o bigint, l bigint)
      where g.record_id = decode(x.i, 'hex') and x.l > 0 and g.start < x.o + x.l and g.start + g.length > x.o
        -- Segments do not overlap: the one that begins last before the range is the first that can reach into it.
        and g.start >= coalesce((select max(b.start) from ${s}.segments b where b.record_id = decode(x.i, 'hex') and b.start <= x.o), 0)
      returning g.*, x.o, x.o + x.l as e
    ), kept as (
      insert into ${s}.segments (record_id, start, length, blob, blob_start)
      select record_id, start, o - start, blob, blob_start from gone where start < o
      union all
      select record_id, e, start + length - e, blob, blob_start + e - start from gone where start + length > e
    )
    select array_agg(distinct blob) into cut from gone;
    lost := lost || cut;
  end if;
  if change ? 'copy' then
    insert into ${s}.segments (record_id, start, length, blob, blob_start)
    select decode(copied->>0, 'hex'), source.start, source.length, source.blob, source.blob_start
    from jsonb_array_elements(change->'copy') as e(copied) join ${s}.segments source on source.record_id = decode(copied->>1, 'hex');
  end if;
  if change ? 'segments' then
    insert into ${s}.segments (record_id, start, length, blob, blob_start)
    select decode(g->>0, 'hex'), (g->>1)::bigint, (g->>2)::bigint, g->>3, (g->>4)::bigint from jsonb_array_elements(change->'segments') as e(g);
  end if;
  if change ? 'births' then
    -- Born and never named: garbage at once, but only the trash may look at it from now on.
    insert into ${s}.blobs (id, size, hash, trashed)
    select b->>0, (b->>1)::bigint, b->>2, case when not (b->>3)::boolean then clock_timestamp() end from jsonb_array_elements(change->'births') as e(b);
  end if;
  if lost is not null then
    update ${s}.blobs b set trashed = clock_timestamp()
    from (select id from ${s}.blobs where id = any(lost) order by id for no key update) locked where b.id = locked.id;
  end if;

  if change ? 'events' then
    with entered as (
      insert into ${s}.log (sequence, at, event)
      select nextval('${s}.log_sequence'), clock_timestamp(), event
      from (select event from jsonb_array_elements_text(change->'events') with ordinality as e(event, n) order by n) ordered
      returning sequence
    )
    select max(sequence) into last from entered;
  else
    select case when is_called then last_value else 0 end into last from ${s}.log_sequence;
  end if;
  return jsonb_build_object('sequence', last);
end
$function$;

-- Another object that has a place which a put of the change wants, and does not leave it by the same change.
create function ${s}.holder(change jsonb) returns bytea language plpgsql as $function$
declare
  other bytea;
begin
  select r.id into other from jsonb_to_recordset(change->'put') as p(i text, p text, n text)
  join ${s}.records r on r.parent_id = decode(p.p, 'hex') and r.name = decode(p.n, 'hex')
  where r.id <> decode(p.i, 'hex') and not coalesce(change->'leaving' ? encode(r.id, 'hex'), false) limit 1;
  return other;
end
$function$;

-- What a tree has, level by level. Stable: all of it is read in the snapshot of the statement that calls it.
create function ${s}.tree(top bytea, types text, deepest int, most int, heaviest bigint)
returns table (id bytea, version bigint, type text, parent_id bytea, name bytea, size bigint, attributes text) language plpgsql stable as $function$
declare
  level bytea[] := array[top];
  below int := 0;
  room int := most;
  got int;
  weight bigint := 0;
begin
  while level is not null and room > 0 loop
    if heaviest is not null then
      weight := weight + (
        select coalesce(sum(octet_length(counted.attributes)), 0) from (
          select r.attributes from unnest(level) with ordinality as l(id, n) join ${s}.records r on r.id = l.id order by l.n limit room
        ) counted
      );
      if weight > heaviest then raise exception 'more than % bytes of attributes', heaviest using errcode = 'CD001'; end if;
    end if;
    return query
      select r.id, r.version, r.type, r.parent_id, r.name, r.size, r.attributes
      from unnest(level) with ordinality as l(id, n) join ${s}.records r on r.id = l.id order by l.n limit room;
    get diagnostics got = row_count;
    room := room - got;
    exit when below = deepest;
    select array_agg(next.id order by next.n, next.name) into level from (
      select c.id, c.name, l.n
      from unnest(level) with ordinality as l(id, n)
      join ${s}.records p on p.id = l.id and strpos(types, p.type) > 0
      cross join lateral (select k.id, k.name from ${s}.records k where k.parent_id = l.id order by k.name limit room) c
      order by l.n, c.name limit room
    ) next;
    below := below + 1;
  end loop;
end
$function$;

-- When this has ended, every commit under the lease is visible or will be refused.
create function ${s}.close_lease(lease text) returns void language plpgsql as $function$
begin
  perform pg_advisory_xact_lock(${s}.lease_key(lease));
  update ${s}.leases set open = false, closed = clock_timestamp() where id = lease and open;
end
$function$;

-- Looks at the oldest of the trash. What nobody names is doomed: its row goes, so that no commit can name it any more.
create function ${s}.condemn(grace double precision, most int) returns int language plpgsql as $function$
declare
  due text[];
  loose text[];
begin
  -- Whoever is about to name one of them holds its row: it is passed over.
  select array_agg(b.id) into due from (
    select id from ${s}.blobs where trashed <= clock_timestamp() - grace * interval '1 millisecond' order by trashed limit most for update skip locked
  ) b;
  if due is null then return 0; end if;
  select array_agg(blob) into loose from unnest(due) blob where not exists (select 1 from ${s}.segments g where g.blob = blob.blob);
  insert into ${s}.doomed select unnest(loose) on conflict do nothing;
  delete from ${s}.blobs where id = any(loose);
  -- What is named again comes back when it loses that reference.
  update ${s}.blobs set trashed = null where id = any(due);
  return cardinality(due);
end
$function$;

-- Removes descendants of removed containers; where it stopped, the next call goes on. What somebody is at is left for the next call, too.
create function ${s}.prune(most int) returns int language plpgsql as $function$
declare
  parent bytea;
  below bytea[];
  lost text[];
  removed int := 0;
  -- No more locks at once than there is room for.
  room int := least(most, 200);
begin
  perform pg_advisory_xact_lock_shared(${seed});
  while removed < room loop
    select o.id into parent from ${s}.orphans o order by o.id limit 1 for update skip locked;
    exit when not found;
    select array_agg(c.id) into below from (select r.id from ${s}.records r where r.parent_id = parent limit room - removed) c;
    if below is null then
      delete from ${s}.orphans where id = parent;
      continue;
    end if;
    select array_agg(c.id) into below from unnest(below) as c(id) where pg_try_advisory_xact_lock(${s}.lock_key(c.id));
    -- Meanwhile one may have moved.
    select array_agg(r.id) into below from ${s}.records r where r.id = any(below) and r.parent_id = parent;
    exit when below is null;
    insert into ${s}.orphans select c.id from unnest(below) as c(id) where exists (select 1 from ${s}.records k where k.parent_id = c.id) on conflict do nothing;
    with gone as (delete from ${s}.segments where record_id = any(below) returning blob) select array_agg(distinct blob) into lost from gone;
    update ${s}.blobs b set trashed = clock_timestamp()
    from (select id from ${s}.blobs where id = any(lost) order by id for no key update) held where b.id = held.id;
    delete from ${s}.records where id = any(below);
    removed := removed + cardinality(below);
  end loop;
  return removed;
end
$function$;

-- Removes the oldest entries of the log, up to the first that is younger, or missing. Answers how many, and the missing places if there are some in the way.
create function ${s}.trim_log(age double precision, most int, out removed bigint, out missing bigint, out missing_to bigint) language plpgsql as $function$
declare
  base bigint;
  last bigint;
begin
  select trimmed into base from ${s}.store for update;
  with page as (
    select l.sequence, l.at, row_number() over (order by l.sequence) as n from ${s}.log l where l.sequence > base order by l.sequence limit most
  ), stop as (
    select min(sequence) as sequence from page where sequence <> base + n or at >= clock_timestamp() - age * interval '1 millisecond'
  )
  select max(page.sequence) into last from page, stop where page.sequence < coalesce(stop.sequence, page.sequence + 1);
  removed := 0;
  if last is null then
    select base + 1, oldest.sequence - 1 into missing, missing_to from (select l.sequence, l.at from ${s}.log l where l.sequence > base order by l.sequence limit 1) oldest
    where oldest.sequence > base + 1 and oldest.at < clock_timestamp() - age * interval '1 millisecond';
    return;
  end if;
  delete from ${s}.log where sequence <= last;
  get diagnostics removed = row_count;
  update ${s}.store set trimmed = last;
end
$function$;
`
