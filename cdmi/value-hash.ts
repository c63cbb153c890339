/** Hash algorithms of values, as metadata names them (MET-16, MET-47). Pure code. */
import { createHash, type Hash } from 'node:crypto'

/** As metadata names them: the algorithm and its length in bits. */
export const hashAlgorithms = ['SHA160', 'SHA256', 'SHA384', 'SHA512'] as const
export type HashAlgorithm = typeof hashAlgorithms[number]

const nodeNames: Readonly<Record<HashAlgorithm, string>> = { SHA160: 'sha1', SHA256: 'sha256', SHA384: 'sha384', SHA512: 'sha512' }

export interface ValueHash {
  readonly algorithm: HashAlgorithm
  /** Base16, upper case. */
  readonly hex: string
}

export function beginHash (algorithm: HashAlgorithm): Hash {
  return createHash(nodeNames[algorithm])
}

export function endHash (hash: Hash): string {
  return hash.digest('hex').toUpperCase()
}
