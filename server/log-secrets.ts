/**
 * A second line of defence for the log: no serializer gives headers or options away, but who knows what is logged one day. Looked at when a line
 * is written, a few levels deep: pino's own `redact` would cost each request more than reading its object does.
 */
import { secretNames } from './url-secrets.js'

const secrets: ReadonlySet<string> = new Set([...secretNames, 'authorization', 'cookie', 'adminpassword', 'tlspassphrase', 'passphrase', 'hash', 'connectionstring'])
const censor = '[Redacted]'
/** Levels of a line's object. */
const levels = 3

/** The object of a line without secrets; itself when it has none. What is no plain object or array is left to its serializer. */
export function withoutSecrets<T extends object> (object: T, depth: number = levels): T {
  let clean: object = object
  for (const [name, value] of Object.entries(object) as Array<[string, unknown]>) {
    const safe = secrets.has(name.toLowerCase()) ? censor : depth > 1 && isPlain(value) ? withoutSecrets(value, depth - 1) : value
    if (safe === value) continue
    if (clean === object) clean = { ...object }
    Object.assign(clean, { [name]: safe })
  }
  return clean as T
}

function isPlain (value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
