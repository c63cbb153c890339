/**
 * Version 2: what owners and containers have is counted, once somebody wants to know. From then on triggers do it, in whatever transaction changes the
 * records; before that there are none, and nothing of this costs anything.
 *
 * Many servers change one account at once. So it is spread over slots, and each connection has its own: writers wait for each other only where two
 * have the same. An account with a limit has room in each of its slots, and all rooms together never exceed the limit; where a slot's room is not enough
 * all slots of the account are looked at, by one writer at a time, and what is left is given out anew. The slots are the last that a change waits for.
 */
import type { Names } from '../names.js'

const slots = 16

/** What records add to accounts: \`rows\` of a statement, or of the table. */
const amounts = (s: string, rows: string, sign: '' | '-'): string => `
      select 'owner:' || ${s}.owner_in(o.attributes) as account, ${sign}o.size as bytes, ${sign}(position(o.type in 'pt') = 0)::int as objects
      from ${rows} o where counted.owners and (counted.cursor is null or o.id <= counted.cursor) and ${s}.owner_in(o.attributes) is not null
      union all
      select 'children:' || upper(encode(k.parent_id, 'hex')), 0, ${sign}1
      from ${rows} k where counted.children and exists (select 1 from ${s}.records p where p.id = k.parent_id)`

const loop = (s: string, deltas: string): string => `
    for delta in select d.account, sum(d.bytes) as bytes, sum(d.objects) as objects from (${deltas}
    ) d group by d.account having sum(d.bytes) <> 0 or sum(d.objects) <> 0 order by d.account
    loop
      perform ${s}.add_usage(delta.account, delta.bytes::bigint, delta.objects::bigint);
    end loop;`

export const usage = ({ schema: s, seed }: Names): string => `
-- One row. cursor: records up to it are in the accounts of their owners; null: all are.
create table ${s}.counting (
  owners boolean not null default false,
  children boolean not null default false,
  cursor bytea,
  one boolean primary key default true check (one)
);
insert into ${s}.counting default values;

create table ${s}.usage (
  account text collate "C" not null,
  slot int not null,
  bytes bigint not null default 0,
  objects bigint not null default 0,
  -- What this slot may have at most, under the limits that are given; null: anything.
  room_bytes bigint,
  room_objects bigint,
  given text,
  -- The transaction that has changed it last, and what that has added.
  changed_by bigint,
  added_bytes bigint not null default 0,
  added_objects bigint not null default 0,
  primary key (account, slot)
) with (fillfactor = 50);

-- As it stands in the JSON text, of which it is the first member.
create function ${s}.owner_in(attributes text) returns text language sql immutable parallel safe as $function$
  select substring(attributes from '^\\{"owner":"((?:[^"\\\\]|\\\\.)*)"')
$function$;

create function ${s}.add_usage(which text, more_bytes bigint, more_objects bigint) returns void language plpgsql as $function$
declare
  mine int := pg_backend_pid() % ${slots};
begin
  update ${s}.usage u set
    bytes = u.bytes + more_bytes, objects = u.objects + more_objects,
    added_bytes = more_bytes + case when u.changed_by = txid_current() then u.added_bytes else 0 end,
    added_objects = more_objects + case when u.changed_by = txid_current() then u.added_objects else 0 end,
    changed_by = txid_current()
  where u.account = which and u.slot = mine;
  if found then return; end if;
  if which like 'children:%' then
    -- Whoever comes first counts those that are there, his own among them. Others wait for him here, and so does what they add.
    insert into ${s}.usage (account, slot, added_objects, changed_by) values (which, 0, more_objects, txid_current()) on conflict do nothing;
    if found then
      update ${s}.usage set objects = (select count(*) from ${s}.records r where r.parent_id = decode(substr(which, 10), 'hex')) where account = which and slot = 0;
      return;
    end if;
  end if;
  insert into ${s}.usage as u (account, slot, bytes, objects, added_bytes, added_objects, changed_by)
  values (which, mine, more_bytes, more_objects, more_bytes, more_objects, txid_current())
  on conflict (account, slot) do update set
    bytes = u.bytes + more_bytes, objects = u.objects + more_objects,
    added_bytes = more_bytes + case when u.changed_by = txid_current() then u.added_bytes else 0 end,
    added_objects = more_objects + case when u.changed_by = txid_current() then u.added_objects else 0 end,
    changed_by = txid_current();
end
$function$;

-- For each statement that changes records, after it.
create function ${s}.count_records() returns trigger language plpgsql as $function$
declare
  counted ${s}.counting;
  delta record;
begin
  select * into counted from ${s}.counting;
  if TG_OP = 'INSERT' then${loop(s, amounts(s, 'after_it', ''))}
  elsif TG_OP = 'UPDATE' then${loop(s, `${amounts(s, 'after_it', '')}
      union all${amounts(s, 'before_it', '-')}`)}
  else${loop(s, amounts(s, 'before_it', '-'))}
    if counted.children then
      delete from ${s}.usage where account in (select 'children:' || upper(encode(gone.id, 'hex')) from before_it gone);
    end if;
  end if;
  return null;
end
$function$;

-- Whoever may run a server may begin it, also where somebody else has made the tables.
create function ${s}.begin_counting(kind text) returns void language plpgsql security definer set search_path = pg_catalog as $function$
begin
  -- No change is under way.
  perform pg_advisory_xact_lock(${seed});
  if kind = 'owners' then
    update ${s}.counting set owners = true, cursor = '' where not owners;
  else
    update ${s}.counting set children = true where not children;
  end if;
  if not found or exists (select 1 from pg_trigger where tgrelid = '${s}.records'::regclass and tgname = 'count_inserted') then return; end if;
  create trigger count_inserted after insert on ${s}.records referencing new table as after_it for each statement execute function ${s}.count_records();
  create trigger count_updated after update on ${s}.records referencing old table as before_it new table as after_it for each statement execute function ${s}.count_records();
  create trigger count_deleted after delete on ${s}.records referencing old table as before_it for each statement execute function ${s}.count_records();
end
$function$;

create function ${s}.recount() returns void language plpgsql as $function$
begin
  perform pg_advisory_xact_lock(${seed});
  delete from ${s}.usage;
  update ${s}.counting set cursor = '' where owners;
end
$function$;

create function ${s}.count_more(most int) returns int language plpgsql as $function$
declare
  counted ${s}.counting;
  page bytea[];
  delta record;
begin
  if not exists (select 1 from ${s}.counting where owners and cursor is not null) then return 0; end if;
  -- No change is under way: each either sees that these are counted, or is seen here.
  perform pg_advisory_xact_lock(${seed});
  select * into counted from ${s}.counting;
  if not counted.owners or counted.cursor is null then return 0; end if;
  select array_agg(p.id order by p.id) into page from (select r.id from ${s}.records r where r.id > counted.cursor order by r.id limit most) p;
  for delta in
    select 'owner:' || ${s}.owner_in(r.attributes) as account, sum(r.size) as bytes, count(*) filter (where position(r.type in 'pt') = 0) as objects
    from ${s}.records r where r.id = any(page) and ${s}.owner_in(r.attributes) is not null group by 1 order by 1
  loop
    perform ${s}.add_usage(delta.account, delta.bytes::bigint, delta.objects::bigint);
  end loop;
  update ${s}.counting set cursor = case when coalesce(cardinality(page), 0) < most then null else page[most] end;
  return coalesce(cardinality(page), 0);
end
$function$;

-- The same as commit_change, with limits: [account, bytes or null, objects or null] each. \`crowded\`: accounts of which all slots were needed when it was tried before.
create function ${s}.commit_limited(change jsonb, bytes bytea, limits jsonb, crowded text[]) returns jsonb language plpgsql as $function$
declare
  result jsonb;
  most record;
begin
  -- Before every other lock, as in every change.
  perform pg_advisory_xact_lock(hashtextextended(c.account, ${seed})) from (select account from unnest(crowded) as u(account) order by account) c;
  result := ${s}.commit_change(change, bytes);
  if result ? 'on' then return result; end if;
  for most in select e->>0 as account, (e->>1)::bigint as bytes, (e->>2)::bigint as objects from jsonb_array_elements(limits) as l(e) order by 1 loop
    perform ${s}.check_limit(most.account, most.bytes, most.objects, most.account = any(crowded));
  end loop;
  return result;
end
$function$;

create function ${s}.check_limit(which text, most_bytes bigint, most_objects bigint, alone boolean) returns void language plpgsql as $function$
declare
  terms text := concat_ws(' ', coalesce(most_bytes::text, '-'), coalesce(most_objects::text, '-'));
  mine record;
  total record;
  refused jsonb;
begin
  select sum(added_bytes) as bytes, sum(added_objects) as objects,
    bool_and(given is not distinct from terms and (room_bytes is null or u.bytes <= room_bytes) and (room_objects is null or u.objects <= room_objects)) as fits
  into mine from ${s}.usage u where account = which and changed_by = txid_current();
  if mine.fits is null or mine.fits then return; end if;
  if not (mine.bytes > 0 and most_bytes is not null or mine.objects > 0 and most_objects is not null) then return; end if;
  if not alone and not pg_try_advisory_xact_lock(hashtextextended(which, ${seed})) then
    raise exception 'somebody else looks at all slots of an account' using errcode = 'CD003', detail = which;
  end if;
  insert into ${s}.usage (account, slot) select which, n from generate_series(0, ${slots - 1}) n on conflict do nothing;
  perform 1 from ${s}.usage where account = which order by slot for update;
  select sum(u.bytes)::bigint as bytes, sum(u.objects)::bigint as objects into total from ${s}.usage u where account = which;
  if mine.objects > 0 and total.objects > most_objects then
    refused := jsonb_build_array('objects', total.objects - mine.objects, mine.objects, most_objects);
  elsif mine.bytes > 0 and total.bytes > most_bytes then
    refused := jsonb_build_array('bytes', total.bytes - mine.bytes, mine.bytes, most_bytes);
  end if;
  if refused is not null then raise exception 'a limit does not hold' using errcode = 'CD002', detail = jsonb_build_array(which) || refused; end if;
  update ${s}.usage u set
    room_bytes = u.bytes + greatest(0, most_bytes - total.bytes) / ${slots},
    room_objects = u.objects + greatest(0, most_objects - total.objects) / ${slots},
    given = terms
  where account = which;
end
$function$;
`
