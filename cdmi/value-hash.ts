/** Hash algorithms of values, as metadata names them (MET-16, MET-47). Pure code. */
import { createHash, type Hash } from 'node:crypto'

/** As metadata names them: the algorithm and its length in bits. */
export const hashAlgorithms = ['SHA160', 'SHA256', 'SHA384', 'SHA512'] as const
export type HashAlgorithm = typeof hashAlgorithms[number]

const nodeNames: Readonly<Record<HashAlgorithm, string>> = { SHA160: 'sha1', SHA256: 'sha256', SHA384: 'sha384', SHA512: 'sha512' }

/** The Base16 digits of such a hash. */
const digits: Readonly<Record<HashAlgorithm, number>> = { SHA160: 40, SHA256: 64, SHA384: 96, SHA512: 128 }

export function isHashAlgorithm (name: string): name is HashAlgorithm {
  return Object.hasOwn(nodeNames, name)
}

export function digitsOf (algorithm: HashAlgorithm): number {
  return digits[algorithm]
}

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
