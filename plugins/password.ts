/**
 * Password hashes: scrypt (RFC 7914), written as `scrypt$N$r$p$salt$hash`, salt and hash in base64url. Passwords are taken in
 * Unicode normalization form C (RFC 8265 §4.2), so that an accent typed on another keyboard is the same accent.
 */
import { randomBytes, randomInt, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto'

export interface ScryptCost {
  /** CPU and memory cost, a power of two. One hash takes 128 · N · r bytes. */
  readonly N: number
  readonly r: number
  readonly p: number
}

/** 64 MiB and a few tenths of a second a hash. */
export const defaultCost: ScryptCost = { N: 65536, r: 8, p: 2 }

interface ParsedHash {
  readonly cost: ScryptCost
  readonly salt: Buffer
  readonly hash: Buffer
}

const form = /^scrypt\$(\d{1,8})\$(\d{1,3})\$(\d{1,3})\$([\w-]{11,128})\$([\w-]{22,128})$/

/** A new hash of a password. */
export async function hashPassword (password: string, cost: ScryptCost = defaultCost): Promise<string> {
  const salt = randomBytes(16)
  const hash = await derive(password, salt, 32, cost)
  return formatHash({ cost, salt, hash })
}

function formatHash ({ cost, salt, hash }: ParsedHash): string {
  return `scrypt$${cost.N}$${cost.r}$${cost.p}$${salt.toString('base64url')}$${hash.toString('base64url')}`
}

/** A hash that no password has, and that costs as much to compare with: for names that nobody has. */
export function hashOfNobody ({ N, r, p }: ScryptCost = defaultCost): string {
  return formatHash({ cost: { N, r, p }, salt: randomBytes(16), hash: randomBytes(32) })
}

/** True when the password is the one that was hashed. Takes the same time whether it is or not. Throws a RangeError on a bad `hash`. */
export async function verifyPassword (password: string, hash: string): Promise<boolean> {
  const parsed = parseHash(hash)
  if (parsed === undefined) throw new RangeError('not a password hash')
  return timingSafeEqual(await derive(password, parsed.salt, parsed.hash.length, parsed.cost), parsed.hash)
}

/** True for what `hashPassword` makes, with costs that a server can bear. */
export function isPasswordHash (text: string): boolean {
  return parseHash(text) !== undefined
}

/** A password for somebody to write down: 20 letters and digits in fives without look-alikes, 98 bits. */
export function generatePassword (): string {
  const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789'
  const letters = Array.from({ length: 20 }, () => alphabet[randomInt(alphabet.length)] ?? '')
  return [0, 5, 10, 15].map(start => letters.slice(start, start + 5).join('')).join('-')
}

function parseHash (text: string): ParsedHash | undefined {
  const match = form.exec(text)
  if (match === null) return undefined
  const [N = 0, r = 0, p = 0] = match.slice(1, 4).map(Number)
  const sane = N >= 2 && Number.isInteger(Math.log2(N)) && r >= 1 && p >= 1 && p <= 16 && 128 * N * r <= 512 * 1024 ** 2
  if (!sane) return undefined
  return { cost: { N, r, p }, salt: Buffer.from(match[4] ?? '', 'base64url'), hash: Buffer.from(match[5] ?? '', 'base64url') }
}

function derive (password: string, salt: Buffer, length: number, cost: ScryptCost): Promise<Buffer> {
  const options: ScryptOptions = { ...cost, maxmem: 128 * cost.r * (cost.N + cost.p + 2) + 1024 ** 2 }
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, length, options, (error, key) => error === null ? resolve(key) : reject(error))
  })
}
