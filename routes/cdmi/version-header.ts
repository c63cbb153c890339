/** `X-CDMI-Specification-Version`, which clients of CDMI 1.x send and those of 2.x do not (GEN-43, GEN-44, V1-01, CLI-01). Pure code. */
import { InvalidRequest } from '../../cdmi/errors.js'

export interface SpecificationVersion {
  /** To be named in the answer: the highest that client and server have in common, as the client wrote it. */
  readonly text: string
  /** 1: the client takes the answers of CDMI 1.x for granted. */
  readonly major: 1 | 2
}

const form = /^(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?([a-z]?)$/i

/** Undefined when there is no such header. Throws InvalidRequest when it names no version that is served here. */
export function specificationVersion (header: string | readonly string[] | undefined): SpecificationVersion | undefined {
  if (header === undefined) return undefined
  const list = typeof header === 'string' ? header : header.join()
  let best: { text: string, major: 1 | 2, order: string } | undefined
  for (const part of list.split(',')) {
    const text = part.trim()
    const [, first, second, third = '0', letter = ''] = form.exec(text) ?? []
    const version = [Number(first), Number(second), Number(third)] as const
    const major = servedMajor(version)
    if (major === undefined) continue
    const order = version.map(number => String(number).padStart(4, '0')).join('.') + letter.toLowerCase()
    if (best === undefined || order > best.order) best = { text, major, order }
  }
  if (best === undefined) throw new InvalidRequest('X-CDMI-Specification-Version names no version that this server speaks, which are 1.0 to 1.1.1 and 2.0.0; for 2.0.0 the header may be left out')
  return { text: best.text, major: best.major }
}

/** 1.0 to 1.1.1, and 2.0 with any last number. */
function servedMajor ([major, minor, micro]: readonly [number, number, number]): 1 | 2 | undefined {
  if (major === 2 && minor === 0) return 2
  if (major === 1 && (minor === 0 || (minor === 1 && micro <= 1))) return 1
  return undefined
}
