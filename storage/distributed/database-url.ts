/** The URL of a database, in the form that PostgreSQL's own clients know: it may name several servers, one of which is the primary. */
import { OptionError } from '../../schemas/check-options.js'

export interface DatabaseUrl {
  /** One for each server, in order. */
  readonly servers: readonly [URL, ...URL[]]
  /** What is common to them. */
  readonly parameters: URLSearchParams
}

/** Before the servers, the servers, and what is behind them. Whatever is before the last "@" is the user. */
const parts = /^(postgres(?:ql)?:\/\/(?:[^/?#]*@)?)([^/?#@]*)(.*)$/si

/** Undefined for what is no such URL. */
export function parseDatabaseUrl (text: string): DatabaseUrl | undefined {
  const [, before, hosts = '', behind] = parts.exec(text) ?? []
  if (before === undefined) return undefined
  const names = hosts.split(',')
  // Alone, none is the one that PostgreSQL's own variables name.
  if (names.length > 1 && names.includes('')) return undefined
  const urls = names.map(name => before + name + (behind ?? ''))
  if (!urls.every(url => URL.canParse(url))) return undefined
  const [first, ...others] = urls.map(url => new URL(url))
  return first === undefined ? undefined : { servers: [first, ...others], parameters: first.searchParams }
}

/** For people: without users, passwords and parameters, except the schema. */
export function nameOfDatabase ({ servers, parameters }: DatabaseUrl): string {
  const schema = parameters.get('schema')
  return `postgres://${servers.map(({ host }) => host).join()}${servers[0].pathname}${schema === null ? '' : `?schema=${schema}`}`
}

/** What PostgreSQL's clients say of the server that they want; here it is the primary in any case. */
const wanted = ['primary', 'read-write'] as const

/** Throws OptionError for parameters that would lead elsewhere. */
export function checkTarget (parameters: URLSearchParams): void {
  const target = parameters.get('target_session_attrs')
  if (target !== null && !wanted.some(name => name === target)) throw new OptionError(`The option "meta" of openStore has a target_session_attrs that a store cannot live with: leave it out, or say ${wanted.join(' or ')}`)
  if (['host', 'hostaddr', 'port'].some(name => parameters.get(name)?.includes(',') === true)) throw new OptionError('The option "meta" of openStore must name several servers like postgres://user:password@one:5432,two:5432/database')
}
