/** Where the scrub of a store is, and which server is at it. */
import type { Names } from '../names.js'

export const scrubPlace = ({ schema: s }: Names): string => `
-- One row, whose note is JSON: what the reading of all values has found so far. It is the holder's for as long as he is heard of.
create table ${s}.scrub (
  note text,
  holder text,
  seen timestamptz,
  one boolean primary key default true check (one)
);
insert into ${s}.scrub default values;
`
