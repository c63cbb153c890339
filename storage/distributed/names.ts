/** What a store is called inside a database. */
import { createHash } from 'node:crypto'
import { OptionError } from '../../schemas/check-options.js'
import { checkTarget, parseDatabaseUrl } from './database-url.js'

export interface Names {
  /** The schema, quoted for SQL. */
  readonly schema: string
  /** The same as it was given. */
  readonly plain: string
  /** Tells the store's advisory locks from those of others in the database: an expression for SQL. */
  readonly seed: string
  /** Where hints about the change log are sent. */
  readonly channel: string
}

const pattern = /^[a-z_][a-z0-9_]{0,49}$/
const reserved = /^(?:pg_|information_schema$)/
const fallback = 'cdmi'

export function namesOf (schema: string): Names {
  const digest = createHash('sha256').update(schema).digest()
  return { schema: `"${schema}"`, plain: schema, seed: `'${digest.readBigInt64BE()}'::bigint`, channel: `cdmi_${schema}` }
}

/** Takes out of the URL of a store what is not for the connection; answers one URL for each server. Throws OptionError, which never repeats the URL: it may hold a password. */
export function readDatabaseUrl (text: string): { urls: readonly [string, ...string[]], schema: string } {
  const url = parseDatabaseUrl(text)
  if (url === undefined) throw new OptionError('The option "meta" of openStore must be a URL like postgres://user:password@host/database, or with several hosts and commas between them')
  checkTarget(url.parameters)
  const schema = url.parameters.get('schema') ?? fallback
  if (!pattern.test(schema) || reserved.test(schema)) throw new OptionError('The schema in the option "meta" of openStore must be of lower-case letters, digits and "_", begin with no digit and not with "pg_", and be at most 50 characters long')
  const [first, ...others] = url.servers
  return { urls: [forConnection(first), ...others.map(forConnection)], schema }
}

function forConnection (server: URL): string {
  for (const name of ['schema', 'target_session_attrs']) server.searchParams.delete(name)
  return server.href
}
