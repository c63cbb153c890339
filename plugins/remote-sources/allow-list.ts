/** Which servers may be asked, and how each is spoken to: the list that the operator gave, and nothing beside it. */
import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { Agent, type Dispatcher } from 'undici'
import { SourceUnusable } from '../../cdmi/errors.js'
import { OptionError } from '../../schemas/check-options.js'
import type { RemoteSource } from '../../schemas/options.js'
import { isPublicAddress } from './addresses.js'
import type { LeastPace } from './pace.js'

/** The system's, or a test's: answers all addresses of a name. */
export type LookupAll = (name: string, callback: (error: Error | null, addresses: LookupAddress[]) => void) => void

/** Milliseconds to wait: for a connection, for the header of an answer, for more of its body, and for all of it; and how slowly it may come. */
export interface Patience extends LeastPace {
  readonly connect: number
  readonly headers: number
  readonly body: number
  readonly total: number
}

export const defaultPatience: Patience = { connect: 10_000, headers: 30_000, body: 60_000, total: 86_400_000, rate: 1024, grace: 60_000 }

export interface AllowedOrigin {
  readonly origin: string
  readonly authorization: string | undefined
  readonly privateAddresses: boolean
  readonly dispatcher: Dispatcher
}

/** Thrown by the look-up; what it says is for the log of nobody. */
class ForbiddenAddress extends Error {}

export class AllowList {
  readonly #origins = new Map<string, AllowedOrigin>()

  /** Throws OptionError for an entry that is no origin. */
  constructor (sources: readonly RemoteSource[], patience: Patience, lookup: LookupAll = (name, callback) => { systemLookup(name, { all: true }, callback) }) {
    for (const source of sources) {
      const { privateAddresses = false } = source
      const origin = originOf(source)
      if (this.#origins.has(origin)) throw new OptionError(`The option "remoteSources" names ${origin} more than once`)
      this.#origins.set(origin, {
        origin,
        privateAddresses,
        authorization: authorizationOf(source),
        dispatcher: new Agent({
          connect: { lookup: checkedLookup(lookup, privateAddresses), timeout: patience.connect, rejectUnauthorized: true },
          headersTimeout: patience.headers,
          bodyTimeout: patience.body
        })
      })
    }
  }

  /** Who may be asked for this. Throws SourceUnusable; nothing has been sent or looked up. */
  find (uri: URL): AllowedOrigin {
    const { protocol, origin, username, password, hostname } = uri
    if (protocol !== 'http:' && protocol !== 'https:') throw new SourceUnusable('The URI of the source begins neither with "http://" nor with "https://"')
    if (username !== '' || password !== '') throw new SourceUnusable('The URI of the source has a name or a password in it; how to log in to other servers is for the operator of this one to say')
    const allowed = this.#origins.get(origin)
    if (allowed === undefined) throw new SourceUnusable('The source is on a server that this one may not ask; its operator names those that it may')
    // The connection would not look this up.
    const address = hostname.replace(/^\[|\]$/g, '')
    if (isIP(address) !== 0 && !allowed.privateAddresses && !isPublicAddress(address)) throw forbiddenAddress()
    return allowed
  }

  async close (): Promise<void> {
    await Promise.all(Array.from(this.#origins.values(), async ({ dispatcher }) => { await dispatcher.destroy() }))
  }
}

/** Whether a connection failed because it would have gone to a place that is not public. */
export function isForbiddenAddress (error: unknown): boolean {
  return error instanceof ForbiddenAddress
}

export function forbiddenAddress (): Error {
  return new SourceUnusable('The source is at an address that is not public, where this server may not ask')
}

/** Looks up and checks in one step: the addresses that it answers are those that are connected to, so that no later answer of a name server counts. */
function checkedLookup (lookup: LookupAll, privateAddresses: boolean): LookupFunction {
  return (name, options, callback) => {
    lookup(name, (error, found) => {
      if (error !== null) return callback(error, [])
      const addresses = found.filter(({ family }) => options.family === undefined || options.family === 0 || options.family === family || options.family === `IPv${family}`)
      const [first] = addresses
      if (!privateAddresses && !addresses.every(({ address }) => isPublicAddress(address))) return callback(new ForbiddenAddress('an address that is not public'), [])
      if (first === undefined) return callback(new Error('the name has no address'), [])
      if (options.all === true) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
  }
}

function originOf ({ origin }: RemoteSource): string {
  const url = URL.canParse(origin) ? new URL(origin) : undefined
  const isPlain = url !== undefined && (url.protocol === 'http:' || url.protocol === 'https:') && url.username === '' && url.password === '' && url.href === `${url.origin}/` && !origin.endsWith('/')
  if (!isPlain) throw new OptionError('The option "remoteSources" has an origin that is none: it takes a scheme, a host and, when it is not the usual one, a port, like "https://other.example:8443"')
  return url.origin
}

function authorizationOf ({ username, password, token }: RemoteSource): string | undefined {
  if (token !== undefined && (username !== undefined || password !== undefined)) throw new OptionError('The option "remoteSources" has an entry with a token and a username or password; give one of the two')
  if ((username === undefined) !== (password === undefined)) throw new OptionError('The option "remoteSources" has an entry with a username or a password, but not both')
  if (token !== undefined) return `Bearer ${token}`
  return username === undefined ? undefined : 'Basic ' + Buffer.from(`${username}:${password ?? ''}`).toString('base64')
}
