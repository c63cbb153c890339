/** Version 6: functions of before, mended. */
import type { Names } from '../names.js'
import { countTrees, treesAt } from './trees.js'

/** What runs in the middle of a change of somebody who may have no rights for the tables of later migrations. Only tables call these. */
const triggers = ['count_records', 'count_trees', 'keep_trees', 'drop_trees']
/** What is looked up without a schema is nobody's temporary table. */
const path = 'set search_path = pg_catalog, pg_temp'

export const mendedFunctions = ({ schema: s, seed }: Names): string => `${countTrees(s, 'create or replace')}
-- A function in PL/pgSQL is planned once by each connection, and one in SQL at each call.
create or replace function ${s}.trees_at(container bytea) returns bytea[] language plpgsql stable as $function$
begin
  return (
${treesAt(s)}
  );
end
$function$;
${triggers.map(name => `alter function ${s}.${name}() security definer ${path};
revoke execute on function ${s}.${name}() from public;`).join('\n')}
alter function ${s}.begin_counting(text) ${path};
alter function ${s}.begin_trees() ${path};

drop function ${s}.prune(int);
-- Removes descendants of removed containers, and forgets those of which there is nothing left; where it stopped, the next call goes on. What somebody is at is left for the next call, too.
create function ${s}.prune_step(most int, out removed int, out cleared int) language plpgsql as $function$
declare
  parent bytea;
  below bytea[];
  lost text[];
  -- No more locks at once than there is room for.
  room int := least(most, 200);
begin
  removed := 0;
  cleared := 0;
  perform pg_advisory_xact_lock_shared(${seed});
  while removed < room and cleared < room loop
    -- Of one that is there nobody removes what is in it, whatever a row says.
    select o.id into parent from ${s}.orphans o where not exists (select 1 from ${s}.records r where r.id = o.id) order by o.id limit 1 for update skip locked;
    exit when not found;
    select array_agg(c.id) into below from (select r.id from ${s}.records r where r.parent_id = parent limit room - removed) c;
    if below is null then
      delete from ${s}.orphans where id = parent;
      cleared := cleared + 1;
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
end
$function$;

-- Looks at the oldest of the trash. What nobody names is doomed: its row goes, so that no commit can name it any more.
create or replace function ${s}.condemn(grace double precision, most int) returns int language plpgsql as $function$
declare
  -- Read once: an index is asked by them.
  now_is timestamptz := clock_timestamp();
  before timestamptz := now_is - grace * interval '1 millisecond';
  due text[];
  loose text[];
begin
  -- What the clock was ahead for was trashed before now all the same: its grace, from now on, is longer than it has to be, and not as long as the clock was wrong.
  update ${s}.blobs b set trashed = now_is
  from (select id from ${s}.blobs where trashed > now_is order by trashed limit most for no key update skip locked) early where b.id = early.id;
  -- Whoever is about to name one of them holds its row: it is passed over.
  select array_agg(b.id) into due from (select id from ${s}.blobs where trashed <= before order by trashed limit most for update skip locked) b;
  if due is null then return 0; end if;
  select array_agg(blob) into loose from unnest(due) blob where not exists (select 1 from ${s}.segments g where g.blob = blob.blob);
  insert into ${s}.doomed select unnest(loose) on conflict do nothing;
  delete from ${s}.blobs where id = any(loose);
  -- What is named again comes back when it loses that reference.
  update ${s}.blobs set trashed = null where id = any(due);
  return cardinality(due);
end
$function$;
`
