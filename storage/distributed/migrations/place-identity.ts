/** Which place has the values of the store, and where rows go that a repair sets aside. */
import type { Names } from '../names.js'

export const placeIdentity = ({ schema: s }: Names): string => `
-- identity: what the place of the values says of itself. place: its name, for people, once a server has made it say so.
alter table ${s}.store add column identity text not null default gen_random_uuid()::text;
alter table ${s}.store add column place text;

-- Nothing here is ever removed by this software.
create table ${s}.moved_aside (
  part text not null,
  key text not null,
  value text,
  at timestamptz not null default clock_timestamp()
);
`
