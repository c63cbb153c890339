/** What the user of a server must be allowed to do with tables that somebody else has made: found out at a start, not by the first change that is refused. */
import { StorageError } from '../contract.js'
import type { Database } from './database.js'
import type { Names } from './names.js'

const all = ['select', 'insert', 'update', 'delete']
/** Whatever is not named here only the triggers use, with the rights of their owner, and `repair`. */
const needed: Readonly<Record<string, readonly string[]>> = {
  records: all,
  segments: all,
  blobs: all,
  doomed: ['select', 'insert', 'delete'],
  leases: all,
  orphans: all,
  accesses: ['select', 'insert', 'update'],
  log: all,
  log_sequence: ['select', 'usage'],
  store: ['select', 'update'],
  counting: ['select', 'update'],
  usage: all,
  trees: all,
  moving: ['select'],
  scrub: ['select', 'update']
}

/** Throws a StorageError 'permission' that says what is to be granted. */
export async function requireRights (database: Database, { schema, plain }: Names): Promise<void> {
  const wanted = Object.entries(needed).flatMap(([name, rights]) => rights.map(right => [name, right] as const))
  const missing = await database.rows<[user: string, name: string, rights: string]>({
    name: 'rights',
    text: `select quote_ident(current_user), c.relname, string_agg(w.allowed, ', ') from unnest($2::text[], $3::text[]) w(name, allowed)
      join pg_class c on c.relname = w.name join pg_namespace n on n.oid = c.relnamespace and n.nspname = $1
      where not case when c.relkind = 'S' then has_sequence_privilege(c.oid, w.allowed) else has_table_privilege(c.oid, w.allowed) end group by c.relname order by c.relname`
  }, [plain, wanted.map(([name]) => name), wanted.map(([, right]) => right)], 'looking at the rights')
  const [first] = missing
  if (first === undefined) return
  const [user] = first
  const told = missing.map(([, name, rights]) => `${name} (${rights})`).join(', ')
  throw new StorageError('permission', `The database's user ${user} lacks rights in schema ${plain}: ${told}. The owner of the tables can give them: grant ${all.join(', ')} on all tables in schema ${schema} to ${user}; grant usage, select, update on all sequences in schema ${schema} to ${user}`)
}
