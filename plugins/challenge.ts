/** The challenge of a 401: Basic and nothing else (GEN-40), with the character set of RFC 7617 §2.1. */

export const defaultRealm = 'fastify-cdmi'

/** Value of `WWW-Authenticate`. The realm was checked with `isRealm`. */
export function challenge (realm: string): string {
  return `Basic realm="${realm.replace(/["\\]/g, '\\$&')}", charset="UTF-8"`
}

/** Printable ASCII: what a quoted string in a header field can carry everywhere. */
export function isRealm (realm: string): boolean {
  return /^[\x20-\x7E]+$/.test(realm)
}
