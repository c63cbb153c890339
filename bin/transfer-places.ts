/** What `--from` and `--to` name: a directory, or a database and a place of values. No sentence here repeats a URL: there may be a password in it. */
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nameOfDatabase, parseDatabaseUrl } from '../storage/distributed/database-url.js'
import type { EndOptions } from '../storage/transfer/open-ends.js'
import { UsageError } from './failure.js'

export interface TransferPlace {
  /** As `openStore` takes it. */
  readonly options: EndOptions
  /** For people: without users, passwords, keys. */
  readonly name: string
  /** Where its values are: a path, or a server, a bucket and what its keys begin with. */
  readonly values: string
}

/** `end`: how the flags are called, "from" or "to". Throws UsageError. */
export function transferPlace (end: 'from' | 'to', place: string | undefined, blobs: string | undefined): TransferPlace {
  if (place === undefined) throw new UsageError(`Say with --${end} ${end === 'from' ? 'which store is to be moved' : 'where it is to be moved'}: a directory, or a postgres:// URL together with --${end}-blobs`)
  const database = parseDatabaseUrl(place)
  const url = urlOf(place)
  if (database === undefined && !/^postgres(?:ql)?:/i.test(place) && (url === undefined || url.protocol === 'file:')) {
    if (blobs !== undefined) throw new UsageError(`--${end}-blobs goes with a postgres:// URL; a directory has its values in itself`)
    const directory = url === undefined ? place : directoryOf(url, `--${end}`)
    return { options: { directory }, name: resolve(directory), values: resolve(directory) }
  }
  if (database === undefined) throw new UsageError(`--${end} must be a directory, a file:// URL or a postgres:// URL`)
  if (blobs === undefined) throw new UsageError(`--${end} is a database: say with --${end}-blobs where its longer values are, as in s3://bucket/prefix or file:///directory`)
  const values = urlOf(blobs)
  if (values === undefined) throw new UsageError(`--${end}-blobs must be a URL, as in s3://bucket/prefix or file:///directory`)
  return { options: { meta: place, blobs }, name: `${nameOfDatabase(database)} with ${values.protocol}//${values.host}${values.pathname}`, values: values.protocol === 'file:' ? resolve(directoryOf(values, `--${end}-blobs`)) : `${values.searchParams.get('endpoint') ?? ''} ${values.host}${values.pathname}` }
}

/** Throws UsageError for two stores that are one, or whose values nobody could tell apart when the old ones are to be removed. */
export function requireApart (from: TransferPlace, to: TransferPlace): void {
  if (from.name === to.name) throw new UsageError('--from and --to are the same store')
  const [one, other] = [from.values, to.values].map(place => place.replace(/\/*$/, '/'))
  if (one === undefined || other === undefined || !(one.startsWith(other) || other.startsWith(one))) return
  throw new UsageError('The values of one of the two stores would be among those of the other, and be removed with them; give the new one a place of its own')
}

/** Undefined for what is the path of a directory: also where it begins with the letter of a drive. */
function urlOf (text: string): URL | undefined {
  return /^[a-z][a-z0-9+.-]+:/i.test(text) && URL.canParse(text) ? new URL(text) : undefined
}

function directoryOf (url: URL, flag: string): string {
  if (url.host !== '' || url.search !== '' || url.hash !== '') throw new UsageError(`${flag} must name a directory of this machine, as in file:///srv/cdmi`)
  return fileURLToPath(url)
}
