/** Which form a request speaks and which one it is answered in (GEN-03, GEN-06 to GEN-10, CLI-02, CLI-03, AMB-18). Pure code. */
import { NotAcceptable } from '../../cdmi/errors.js'
import { parseAccept, qualityOf } from '../http/accept.js'
import { isCdmiType, parseMediaType } from '../http/content-type.js'

export type CdmiKind = 'object' | 'container' | 'domain' | 'queue' | 'capability'

const prefix = 'application/cdmi-'
const mixed = 'multipart/mixed'
const kinds: ReadonlyMap<string, CdmiKind> = new Map((['object', 'container', 'domain', 'queue', 'capability'] as const).map(kind => [prefix + kind, kind]))

/** The media type of a kind of object, as `objectType` and Content-Type have it. */
export function mediaTypeOf (kind: CdmiKind): string {
  return prefix + kind
}

/** What a Content-Type announces: the JSON of a kind of object, or parts of which the first is that; undefined: neither, or no header. */
export function cdmiTypeOf (contentType: string | undefined): CdmiKind | 'mixed' | undefined {
  if (contentType === undefined) return undefined
  const known = kinds.get(contentType)
  if (known !== undefined) return known
  const type = parseMediaType(contentType)?.type
  if (type === undefined) return undefined
  return type === mixed ? 'mixed' : kinds.get(withoutSuffix(type))
}

export type Form = 'cdmi' | 'mixed' | 'plain'

export interface Forms {
  readonly kind: CdmiKind
  /** Whether there is a form in parts. */
  readonly mixed: boolean
  /** Media types of the plain forms; none: there is only CDMI's. */
  readonly plain: readonly string[]
}

/**
 * The form that a read is answered in. Naming a CDMI type, or parts, chooses CDMI's forms: another one is given only where the client says
 * that it likes it better, or takes no CDMI form that there is. When none is named the plain form is given, to be judged by the plain door
 * by its own rules; but CDMI's to a client of CDMI 1.x (`version`: it sent its version header) that would take anything.
 * Throws NotAcceptable.
 */
export function negotiateForm (accept: string | undefined, version: boolean, { kind, mixed: hasMixed, plain }: Forms): Form {
  // What nearly every client of CDMI sends.
  if (accept === prefix + kind) return 'cdmi'
  const ranges = parseAccept(accept).map(({ range, quality }) => ({ range: withoutSuffix(range), quality }))
  const own = prefix + kind
  const named = ranges.filter(({ range, quality }) => quality > 0 && (range === mixed || isCdmiType(range)))
  if (named.length === 0) {
    if (version && ranges.some(({ range, quality }) => range === '*/*' && quality > 0)) {
      const best = Math.max(0, ...plain.map(type => qualityOf(ranges, type)))
      if (qualityOf(ranges, own) >= best) return 'cdmi'
    }
    if (plain.length > 0) return 'plain'
    if (qualityOf(ranges, own) > 0) return 'cdmi'
    throw notAcceptable(own, hasMixed)
  }
  // In this order, the first of equals: what is named before what a wildcard covers, the forms of CDMI as they are listed.
  const order = named.map(({ range }) => range).filter(range => range === own || (range === mixed && hasMixed))
  const offers: [Form, number][] = [...order, own].map(type => [type === mixed ? 'mixed' : 'cdmi', qualityOf(ranges, type)])
  for (const type of plain) offers.push(['plain', qualityOf(ranges, type)])
  let best: Form | undefined
  let highest = 0
  for (const [form, quality] of offers) if (quality > highest) [best, highest] = [form, quality]
  if (best === undefined) throw notAcceptable(own, hasMixed)
  return best
}

function notAcceptable (own: string, hasMixed: boolean): Error {
  return new NotAcceptable(`This is of type ${own}, and none of the types in Accept can be made of it; ask for ${own}${hasMixed ? `, ${mixed}` : ''} or */*`)
}

/** GEN-07: with and without the suffix it is one type. */
function withoutSuffix (type: string): string {
  return type.startsWith(prefix) && type.endsWith('+json') ? type.slice(0, -'+json'.length) : type
}
