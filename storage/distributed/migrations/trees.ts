/**
 * Version 5: what containers have with all that is below them is counted, for those that somebody has named. Triggers do it, as for owners, and there are none before.
 *
 * Which trees an object lies in is told by the containers above it, and nothing of that is written down with the object. A container never changes its trees: a change
 * that would do that is refused. So the walk up finds the same before a change and after it, whatever else the change moves; but in the middle of one that moves
 * many, containers have no place for a while, and `moving` has the one that they had. Of removed containers the list of them says what trees they were in, until there is
 * nothing left below them.
 */
import type { Names } from '../names.js'

/** Objects and helpers. */
const isObject = (row: string): string => `position(${row}.type in 'pt') = 0`

/** What records add to trees: `rows` of a statement. `chosen`: which trees, called `t`, of which record, called `o`. */
const amounts = (s: string, rows: string, sign: '' | '-', chosen: string): string => `
      select t.root, ${sign}o.size as bytes, ${sign}1 as objects
      from (
        select p.parent_id, unnest(${s}.trees_at(p.parent_id)) as root from (select distinct k.parent_id from ${rows} k where k.parent_id is not null and ${isObject('k')}) p
      ) m join ${rows} o on o.parent_id = m.parent_id and ${isObject('o')} join ${s}.trees t on t.root = m.root and ${chosen}
      union all
      select t.root, ${sign}o.size, ${sign}1 from ${rows} o join ${s}.trees t on t.root = o.id and ${chosen} where o.type = 'c'
      union all
      select t.root, ${sign}o.size, 0 from ${rows} o join ${s}.trees t on t.root = any(${s}.trees_in(o.attributes)) and ${chosen} where not ${isObject('o')}`

const loop = (s: string, deltas: string): string => `
    for delta in select 'tree:' || upper(encode(d.root, 'hex')) as account, sum(d.bytes) as bytes, sum(d.objects) as objects from (${deltas}
    ) d group by d.root having sum(d.bytes) <> 0 or sum(d.objects) <> 0 order by 1
    loop
      perform ${s}.add_usage(delta.account, delta.bytes::bigint, delta.objects::bigint);
    end loop;`

const counted = '(t.cursor is null or o.id <= t.cursor)'

/** Trees that what is in `container` counts for, from the top down or not. */
export const treesAt = (s: string): string => `  with recursive up as (
    select container as id
    union
    select coalesce(r.parent_id, v.parent_id) from up join ${s}.records r on r.id = up.id left join ${s}.moving v on v.id = up.id
    where coalesce(r.parent_id, v.parent_id) is not null
  )
  select coalesce(array_agg(found.root order by found.root), '{}') from (
    select t.root from ${s}.trees t join up on up.id = t.root
    union
    select unnest(o.trees) from ${s}.orphans o join up on up.id = o.id
  ) found`

/** What the trigger does; `create` may be one that replaces it. */
export const countTrees = (s: string, create: 'create' | 'create or replace'): string => `
-- For each statement that changes records, after it.
${create} function ${s}.count_trees() returns trigger language plpgsql as $function$
declare
  delta record;
  bound bytea;
begin
  if not exists (select 1 from ${s}.trees) then return null; end if;
  if TG_OP = 'INSERT' then${loop(s, amounts(s, 'after_it', '', counted))}
  elsif TG_OP = 'UPDATE' then
    insert into ${s}.moving select b.id, b.parent_id from before_it b join after_it a using (id) where b.type = 'c' and b.parent_id is not null and a.parent_id is null;
    select a.id into bound from before_it b join after_it a using (id) left join ${s}.moving v using (id)
    where b.type = 'c' and a.parent_id is not null and coalesce(b.parent_id, v.parent_id) <> a.parent_id
      -- Where the place that it leaves is damaged nobody knows its trees: it may be brought anywhere, and be counted anew.
      and (exists (select 1 from ${s}.records r where r.id = coalesce(b.parent_id, v.parent_id)) or exists (select 1 from ${s}.orphans r where r.id = coalesce(b.parent_id, v.parent_id)))
      and ${s}.trees_at(coalesce(b.parent_id, v.parent_id)) <> ${s}.trees_at(a.parent_id)
      -- Nor are there any to leave for one that was below itself.
      and not exists (
        with recursive up as (
          select coalesce(b.parent_id, v.parent_id) as id
          union
          select coalesce(was.parent_id, left_it.parent_id, r.parent_id)
          from up left join before_it was on was.id = up.id left join ${s}.moving left_it on left_it.id = up.id left join ${s}.records r on r.id = up.id
          where coalesce(was.parent_id, left_it.parent_id, r.parent_id) is not null
        ) select 1 from up where up.id = a.id
      ) limit 1;
    if found then raise exception 'a container would leave its trees' using errcode = 'CD004', detail = encode(bound, 'hex'); end if;${loop(s, `${amounts(s, 'after_it', '', counted)}
      union all${amounts(s, 'before_it', '-', counted)}`)}
    delete from ${s}.moving where id in (select a.id from after_it a where a.parent_id is not null);
  else${loop(s, amounts(s, 'before_it', '-', counted))}
  end if;
  return null;
end
$function$;
`

export const trees = ({ schema: s, seed }: Names): string => `
-- As changes do it, what was removed before what is counted: of servers that go on meanwhile none waits for what waits for it.
-- trees: those that a removed container was in, itself included.
alter table ${s}.orphans add column trees bytea[];
alter table ${s}.counting add column trees boolean not null default false;
-- cursor: records up to it are in the account; null: all are.
create table ${s}.trees (root bytea primary key, cursor bytea);
-- Containers that a change has taken from their places and not put to others yet. Empty between changes.
create table ${s}.moving (id bytea primary key, parent_id bytea not null);

-- Those that a helper of an object counts for, as it stands in the JSON text, behind the owner.
create function ${s}.trees_in(attributes text) returns bytea[] language sql immutable parallel safe as $function$
  select array_agg(decode(tree, 'hex')) from regexp_split_to_table(
    substring(attributes from '^\\{(?:"owner":"(?:[^"\\\\]|\\\\.)*",)?"within":\\["([0-9A-F",]*)"\\]'), '","'
  ) as tree
$function$;

-- Those that what is in a container counts for, from the top down or not.
create function ${s}.trees_at(container bytea) returns bytea[] language sql stable as $function$
${treesAt(s)}
$function$;

${countTrees(s, 'create')}
-- Before a container is removed.
create function ${s}.keep_trees() returns trigger language plpgsql as $function$
begin
  NEW.trees := nullif(${s}.trees_at(NEW.id), '{}');
  return NEW;
end
$function$;

-- After the last was removed of what was below removed containers: of trees that are gone nobody needs an account.
create function ${s}.drop_trees() returns trigger language plpgsql as $function$
begin
  if exists (select 1 from ${s}.orphans) then return null; end if;
  with gone as (delete from ${s}.trees t where not exists (select 1 from ${s}.records r where r.id = t.root) returning t.root)
  delete from ${s}.usage u where u.account in (select 'tree:' || upper(encode(gone.root, 'hex')) from gone);
  return null;
end
$function$;

-- Whoever may run a server may begin it, also where somebody else has made the tables.
create function ${s}.begin_trees() returns void language plpgsql security definer set search_path = pg_catalog as $function$
begin
  -- No change is under way.
  perform pg_advisory_xact_lock(${seed});
  update ${s}.counting set trees = true where not trees;
  if not found then return; end if;
  create trigger trees_inserted after insert on ${s}.records referencing new table as after_it for each statement execute function ${s}.count_trees();
  create trigger trees_updated after update on ${s}.records referencing old table as before_it new table as after_it for each statement execute function ${s}.count_trees();
  create trigger trees_deleted after delete on ${s}.records referencing old table as before_it for each statement execute function ${s}.count_trees();
  create trigger trees_kept before insert on ${s}.orphans for each row execute function ${s}.keep_trees();
  create trigger trees_dropped after delete on ${s}.orphans for each statement execute function ${s}.drop_trees();
end
$function$;

create function ${s}.count_tree(container bytea) returns void language plpgsql as $function$
begin
  perform ${s}.begin_trees();
  perform pg_advisory_xact_lock(${seed});
  insert into ${s}.trees select r.id, '' from ${s}.records r where r.id = container on conflict do nothing;
end
$function$;

create or replace function ${s}.recount() returns void language plpgsql as $function$
begin
  perform pg_advisory_xact_lock(${seed});
  delete from ${s}.usage;
  update ${s}.counting set cursor = '' where owners;
  update ${s}.trees set cursor = '';
end
$function$;

-- One step for all trees that are as far as the one that has come least far.
create function ${s}.count_more_trees(most int) returns int language plpgsql as $function$
declare
  reached bytea;
  page bytea[];
  delta record;
begin
  if not exists (select 1 from ${s}.trees where cursor is not null) then return 0; end if;
  -- No change is under way: each either sees that these are counted, or is seen here.
  perform pg_advisory_xact_lock(${seed});
  select t.cursor into reached from ${s}.trees t where t.cursor is not null order by t.cursor limit 1;
  if not found then return 0; end if;
  select array_agg(p.id order by p.id) into page from (select r.id from ${s}.records r where r.id > reached order by r.id limit most) p;${loop(s, amounts(s, `(select r.* from ${s}.records r where r.id = any(page))`, '', 't.cursor = reached'))}
  update ${s}.trees set cursor = case when coalesce(cardinality(page), 0) < most then null else page[most] end where cursor = reached;
  return coalesce(cardinality(page), 0);
end
$function$;

-- The same as commit_limited, with containers that the change makes and that are trees from then on.
create function ${s}.commit_trees(change jsonb, bytes bytea, limits jsonb, crowded text[], made bytea[]) returns jsonb language plpgsql as $function$
declare
  result jsonb;
  fresh bytea[];
begin
  with entered as (
    insert into ${s}.trees select m.root, null from unnest(made) as m(root), ${s}.counting c where c.trees order by 1 on conflict do nothing returning root
  ) select array_agg(root) into fresh from entered;
  result := ${s}.commit_limited(change, bytes, limits, crowded);
  if result ? 'on' then delete from ${s}.trees where root = any(fresh); end if;
  return result;
end
$function$;
`
