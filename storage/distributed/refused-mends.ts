/**
 * What is wrong, can be mended, and was refused: a limit does not let it go, somebody holds it, there is no room where it was to be. The repair goes on with the rest, tries these again when
 * nothing else is to be done, and tells at its end which are left.
 */
import { DatabaseError } from 'pg'
import { StorageError } from '../contract.js'
import type { Finding, FindingKind, Repaired } from '../verify/findings.js'
import type { Mend } from './database-checks.js'

export interface Mending {
  readonly finding: Finding
  readonly mend: Mend
}

/** Tables that are not this build's: nothing must be mended. */
const hopeless = new Set(['format'])

export class RefusedMends {
  readonly #standing: () => Promise<void>
  readonly #refused = new Map<string, Mending & { readonly reason: string }>()
  readonly #seen = new Set<string>()

  /** `standing` throws when the store is away. */
  constructor (standing: () => Promise<void>) {
    this.#standing = standing
  }

  /** Whether it was refused in an earlier round. */
  has (finding: Finding): boolean {
    const key = keyOf(finding)
    const known = this.#refused.has(key)
    if (known) this.#seen.add(key)
    return known
  }

  /** Mends it, or remembers that it was refused. Answers what was done; undefined: nothing. Throws what concerns more than this one. */
  async mend (one: Mending): Promise<'refused' | { readonly done: string | undefined }> {
    const key = keyOf(one.finding)
    try {
      const done = await one.mend()
      this.#refused.delete(key)
      return { done }
    } catch (error) {
      if (!(error instanceof StorageError || error instanceof DatabaseError)) throw error
      if (error instanceof StorageError && hopeless.has(error.reason)) throw error
      await this.#standing().catch(() => { throw error })
      this.#refused.set(key, { ...one, reason: error.message })
      this.#seen.add(key)
      return 'refused'
    }
  }

  /** After a look at all but these: what it has not found again is no more. Those that are left. */
  settle (unseen: readonly FindingKind[]): Mending[] {
    for (const [key, { finding }] of this.#refused) if (!this.#seen.has(key) && !unseen.includes(finding.kind)) this.#refused.delete(key)
    this.#seen.clear()
    return [...this.#refused.values()]
  }

  /** For the end. */
  left (): Repaired[] {
    return [...this.#refused.values()].map(({ finding, reason }) => ({ ...finding, refused: reason }))
  }
}

/** Each round finds what is wrong anew. */
function keyOf ({ kind, objectID = '', blob = '', file = '', problem }: Finding): string {
  return [kind, objectID, blob, file, problem].join('\n')
}
