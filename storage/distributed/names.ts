/** What a store is called inside a database. */
import { createHash } from 'node:crypto'
import { OptionError } from '../../schemas/check-options.js'

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

/** Takes the schema out of the URL of a store; what is left is for the connection. Throws OptionError, which never repeats the URL: it may hold a password. */
export function readDatabaseUrl (text: string): { url: string, schema: string } {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !['postgres:', 'postgresql:'].includes(url.protocol)) throw new OptionError('The option "meta" of openStore must be a URL like postgres://user:password@host/database')
  const schema = url.searchParams.get('schema') ?? fallback
  if (!pattern.test(schema) || reserved.test(schema)) throw new OptionError('The schema in the option "meta" of openStore must be of lower-case letters, digits and "_", begin with no digit and not with "pg_", and be at most 50 characters long')
  url.searchParams.delete('schema')
  return { url: url.href, schema }
}
