/**
 * Who is this? Name and password to principal, for every door (design: access). Knows users, hashes, a cache and limits; no HTTP.
 *
 * A hash costs tenths of a second on purpose, so credentials that were verified are remembered for a short time under a digest with a key
 * that only this process has: every further request costs one digest.
 */
import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { withHeaders } from '../cdmi/describe-error.js'
import { TooManyRequests, Unauthorized } from '../cdmi/errors.js'
import type { Principal } from '../cdmi/principal.js'
import { OptionError } from '../schemas/check-options.js'
import type { User } from '../schemas/options.js'
import { BoundedQueue } from './bounded-queue.js'
import { FailureLimit, networkOf } from './failure-limit.js'
import { hashOfNobody, isPasswordHash, verifyPassword } from './password.js'

/** What a function given as `users` answers: false for wrong credentials, true or what differs from the defaults for right ones. */
export type Verdict = boolean | { readonly name?: string, readonly access?: Principal['access'] }
export type VerifyUser = (name: string, password: string) => Verdict | Promise<Verdict>

/** A user with the hash of the password. */
export interface HashedUser {
  readonly name: string
  readonly hash: string
  readonly access: 'read' | 'write'
}

/** Users that may change while the server runs (a users file). */
export interface UserSource {
  /** Looks whether they changed; at most a cheap look each time. Never rejects. */
  refresh (): Promise<void>
  find (name: string): HashedUser | undefined
  /** Rises with every change. */
  readonly generation: number
}

export interface AuthenticatorOptions {
  /** Users with passwords or hashes, or a function that decides. */
  readonly users?: readonly User[] | VerifyUser | undefined
  /** More users; the ones above win. */
  readonly source?: UserSource | undefined
  /** Failed attempts for one name from one source address in one window; for all names together three times as many. Default: 10. */
  readonly failedAttempts?: number | undefined
  /** Milliseconds of that window. Default: one minute. */
  readonly failureWindow?: number | undefined
}

/** What an application may give, to tell by itself who somebody is. Nothing but `verify` is needed. */
export interface Authenticator {
  /** The principal when these credentials were verified a short time ago. It cannot wait, and is asked with every request. Without it `verify` is. */
  recall? (name: string, password: string): Principal | undefined
  /**
   * Undefined while it is a short time only since somebody looked whether the users have changed; else resolves when that was done. To be asked before
   * `recall`, `moment` and `named`, which cannot wait: who was removed while nobody asked for anything must not get in once more.
   */
  current? (): Promise<void> | undefined
  /**
   * Another number at least every second, and as soon as the users have changed. While it is the same, what `recall` or `verify` answered still holds: who
   * sees the same credentials again need not ask. Without it every request asks.
   */
  moment? (): number
  /**
   * The principal; undefined for wrong credentials. `source` is the address of the caller, for the count of failed attempts.
   * May throw Unauthorized, too, or TooManyRequests with `headers['retry-after']` in seconds.
   */
  verify (name: string, password: string, source: string): Promise<Principal | undefined>
  /** The user of a name that something else has proved (a client certificate). Without it, and of a function given as `users`, certificates say nothing. */
  named? (name: string): Principal | undefined
}

/** The doors' view. */
export interface CompleteAuthenticator extends Omit<Required<Authenticator>, 'moment' | 'verify'> {
  /** Undefined: nothing holds from one request to the next. */
  moment (): number | undefined
  /** Throws for wrong credentials. */
  verify (name: string, password: string, source: string): Promise<Principal>
}

const leftOut = ['recall', 'current', 'moment', 'named'] as const

/** The authenticator, with all that it leaves out. Throws OptionError for what is none. */
export function completed (given: Authenticator): CompleteAuthenticator {
  if (given instanceof CachingAuthenticator) return given
  if (typeof given?.verify !== 'function') throw new OptionError('The option "authenticator" of the plugin needs a function "verify"')
  for (const name of leftOut) if (given[name] !== undefined && typeof given[name] !== 'function') throw new OptionError(`The option "authenticator" of the plugin has a "${name}" that is no function`)
  return {
    recall: (name, password) => someone(given.recall?.(name, password)),
    current: () => given.current?.(),
    moment: () => given.moment?.(),
    async verify (name, password, source) {
      const principal = someone(await given.verify(name, password, source))
      if (principal === undefined) throw new Unauthorized()
      return principal
    },
    named: name => someone(given.named?.(name))
  }
}

/** A function in JavaScript may well say null or false for nobody, as one given as `users` does. */
function someone (answer: Principal | undefined): Principal | undefined {
  return typeof answer === 'object' && answer !== null ? answer : undefined
}

/** Milliseconds that verified credentials are remembered after their last use, and in all. */
const rememberIdle = 60_000
const rememberLongest = 600_000
/** Hashes at once: each takes a thread of libuv's four and 64 MiB. */
const hashesAtOnce = 2
const hashesWaiting = 64
/** So many times the failures for one name an address has for all; and pairs of the two that are remembered as good. */
const namesOfAddress = 3
const goodPairs = 10_000
/** Milliseconds after which a request has the users file looked at, without a wait for it; after which it waits; and for how long, at most. */
const refreshInterval = 1000
const oldestUsers = 2000
const longestLook = 1000
/** Milliseconds of a moment; and more moments than a process can live to see. */
const momentLength = 1000
const moments = 2 ** 32

interface Remembered { readonly principal: Principal, readonly until: number }

/** A user whose password was given in clear. It is not kept: a keyed digest in memory is, which needs no slow hash, for it is nowhere to be stolen from. */
interface DigestedUser {
  readonly name: string
  readonly digest: Buffer
  readonly access: 'read' | 'write'
}

type KnownUser = HashedUser | DigestedUser

type Digest = (text: string) => Buffer

/** `known`: the user has logged in from there before. */
type Decide = (name: string, password: string, known: boolean) => Verdict | Promise<Verdict>
type Find = (name: string) => KnownUser | undefined

/** Throws OptionError for users that cannot be. */
export function createAuthenticator (options: AuthenticatorOptions): CompleteAuthenticator & Required<Authenticator> {
  const { users = [], source } = options
  if (typeof users === 'function') return new CachingAuthenticator((name, password) => users(name, password), () => undefined, undefined, options)
  const key = randomBytes(32)
  const digest: Digest = text => createHmac('sha256', key).update(text.normalize('NFC')).digest()
  const known = new Map<string, KnownUser>()
  for (const user of users) {
    const name = user.name.normalize('NFC')
    if (known.has(name)) throw new OptionError(`users: the name ${name} is there twice`)
    known.set(name, { name, ...secretOf(user, digest), access: user.access ?? 'write' })
  }
  const find: Find = name => known.get(name) ?? source?.find(name)
  return new CachingAuthenticator(verifierOf(find, digest), find, source, options)
}

function secretOf ({ name, password, hash }: User, digest: Digest): { digest: Buffer } | { hash: string } {
  if (name.includes(':')) throw new OptionError(`users: the name ${name} has a colon; Basic authentication has no way to send it`)
  if ((password === undefined) === (hash === undefined)) throw new OptionError(`users: ${name} needs either a password or a hash`)
  if (password !== undefined) return { digest: digest(password) }
  if (hash === undefined || !isPasswordHash(hash)) throw new OptionError(`users: the hash of ${name} is not one that "fastify-cdmi user add" makes`)
  return { hash }
}

/**
 * An unknown name costs the same hash as a wrong password, so that names cannot be found out by the clock. Who has logged in before waits in a queue of
 * their own: strangers who try passwords from everywhere do not stand before them.
 */
function verifierOf (find: Find, digest: Digest): Decide {
  const nobody = hashOfNobody()
  const strangers = new BoundedQueue(hashesAtOnce, hashesWaiting)
  const friends = new BoundedQueue(hashesAtOnce, hashesWaiting)
  const refuse = (): Error => withHeaders(new TooManyRequests('Too many log-ins at once; try again in a moment'), { 'retry-after': '1' })
  return async (name, password, known) => {
    const user = find(name)
    if (user !== undefined && 'digest' in user && timingSafeEqual(digest(password), user.digest)) return { name: user.name, access: user.access }
    const hashed = user !== undefined && 'hash' in user ? user : undefined
    const right = await (known ? friends : strangers).run(() => verifyPassword(password, hashed?.hash ?? nobody), refuse)
    return right && hashed !== undefined ? { name: hashed.name, access: hashed.access } : false
  }
}

class CachingAuthenticator implements CompleteAuthenticator {
  readonly #key = randomBytes(32).toString('base64')
  /** It grows, as the other one: `max` would take the room of all of them at once. */
  readonly #remembered = new LRUCache<string, Remembered>({ maxSize: 10_000, sizeCalculation: () => 1, ttl: rememberIdle, updateAgeOnGet: true })
  readonly #underWay = new Map<string, Promise<Principal>>()
  readonly #pairs: FailureLimit
  readonly #addresses: FailureLimit
  /** Pairs of an address and a name that have logged in. */
  readonly #good = new LRUCache<string, true>({ maxSize: goodPairs, sizeCalculation: () => 1 })
  #generation: number
  /** When the last look at the users began that has come to its end, and the one under way. */
  #lookedAt = -Infinity
  #looking: Promise<void> | undefined

  constructor (
    readonly decide: Decide,
    readonly find: Find,
    readonly source: UserSource | undefined,
    { failedAttempts = 10, failureWindow = 60_000 }: AuthenticatorOptions
  ) {
    this.#pairs = new FailureLimit({ attempts: failedAttempts, window: failureWindow })
    this.#addresses = new FailureLimit({ attempts: failedAttempts * namesOfAddress, window: failureWindow })
    this.#generation = source?.generation ?? 0
  }

  recall (name: string, password: string): Principal | undefined {
    this.#forgetOnChange()
    return this.#recall(this.#digest(name, password))
  }

  current (): Promise<void> | undefined {
    if (this.source === undefined) return undefined
    const now = performance.now()
    const age = now - this.#lookedAt
    if (age < refreshInterval) return undefined
    this.#looking ??= this.#look(this.source, now)
    return age < oldestUsers ? undefined : this.#looking
  }

  moment (): number {
    this.#forgetOnChange()
    return this.#generation * moments + Math.floor(performance.now() / momentLength)
  }

  async verify (name: string, password: string, source: string): Promise<Principal> {
    await this.current()
    this.#forgetOnChange()
    const digest = this.#digest(name, password)
    const known = this.#recall(digest) ?? this.#underWay.get(digest)
    if (known !== undefined) return await known
    const network = networkOf(source)
    const pair = `${network} ${this.#digest(name.normalize('NFC'), '')}`
    const good = this.#good.has(pair)
    // Whatever else is tried from an address: who has logged in there answers for their own failures alone.
    const wait = Math.max(this.#pairs.wait(pair), good ? 0 : this.#addresses.wait(network))
    if (wait > 0) throw withHeaders(new TooManyRequests(`Too many failed log-ins from your address; try again in ${wait === 1 ? '1 second' : `${wait} seconds`}`), { 'retry-after': String(wait) })
    this.#pairs.begin(pair)
    this.#addresses.begin(network)
    const ended = (failed: boolean): void => {
      this.#pairs.end(pair, failed)
      this.#addresses.end(network, failed)
    }
    const attempt = this.#attempt(name, password, { digest, good })
    this.#underWay.set(digest, attempt)
    try {
      const principal = await attempt
      ended(false)
      this.#good.set(pair, true)
      return principal
    } catch (error) {
      ended(error instanceof Unauthorized)
      throw error
    } finally {
      this.#underWay.delete(digest)
    }
  }

  named (name: string): Principal | undefined {
    this.#forgetOnChange()
    const user = this.find(name.normalize('NFC'))
    return user === undefined ? undefined : { name: user.name, authentication: 'certificate', access: user.access }
  }

  async #attempt (name: string, password: string, { digest, good }: { digest: string, good: boolean }): Promise<Principal> {
    await this.source?.refresh()
    this.#forgetOnChange()
    const generation = this.#generation
    const verdict = await this.decide(name.normalize('NFC'), password, good)
    if (verdict === false) throw new Unauthorized()
    const principal: Principal = { name, authentication: 'basic', access: 'write', ...(verdict === true ? {} : verdict) }
    if (generation === this.#generation) this.#remembered.set(digest, { principal, until: performance.now() + rememberLongest })
    return principal
  }

  #recall (digest: string): Principal | undefined {
    const remembered = this.#remembered.get(digest)
    if (remembered === undefined) return undefined
    if (remembered.until > performance.now()) return remembered.principal
    this.#remembered.delete(digest)
    return undefined
  }

  /** A file system that does not answer keeps nobody waiting for long: the users known before go on to count. */
  async #look (source: UserSource, began: number): Promise<void> {
    const enough = new AbortController()
    await Promise.race([source.refresh(), delay(longestLook, undefined, { signal: enough.signal, ref: false })]).catch(() => {})
    enough.abort()
    this.#lookedAt = began
    this.#looking = undefined
  }

  #forgetOnChange (): void {
    const generation = this.source?.generation ?? 0
    if (generation === this.#generation) return
    this.#generation = generation
    this.#remembered.clear()
  }

  /** Never leaves this process, so that a hash with a secret beginning is as good as an HMAC, and costs a fifth: every request needs one. */
  #digest (name: string, password: string): string {
    return hash('sha256', `${this.#key}${name.length}:${name}${password}`, 'base64')
  }
}
