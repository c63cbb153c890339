/** Who may do what. Until access control lists exist a principal has one right for the whole store (design: access). */
import { Forbidden, Unauthorized } from './errors.js'
import type { Principal } from './principal.js'

/** Throws Unauthorized (nobody in particular: log in) or Forbidden (known, but not allowed). */
export function requireAccess (principal: Principal, needed: 'read' | 'write'): void {
  if (principal.access === 'write' || principal.access === needed) return
  if (principal.authentication === 'anonymous') throw new Unauthorized()
  throw new Forbidden(needed === 'write' ? 'You may read here, but not change anything' : 'You may not read here')
}
