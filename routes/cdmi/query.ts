/**
 * The query of a CDMI request: which fields it is about, and of some of them which part (GEN-26, DOC-02, V1-03, CLI-05).
 *
 * Fields are separated by `&` or, as CDMI 1.x has it, `;`; the first `=` or `:` of a field is followed by its argument. Both ways may be mixed, by
 * any client. Percent-escapes are decoded after that: a field or metadata name with one of these characters in it has it escaped, but an
 * argument may have `=` and `:` as they are (`metadata=a:b` is the item `a:b`). A `+` is a plus sign.
 */
import { InvalidRange, InvalidRequest } from '../../cdmi/errors.js'
import { parseRangeSpec, type RangeSpec } from '../http/range.js'
import { type ChildSelection, parseChildSelection } from './child-selection.js'

/** `values=<count>`, or `values=<first>-<last>` by the numbers that the values of a queue have (QUE-44, QUE-74). */
export type QueueValues = { readonly count: number } | { readonly first: number, readonly last: number }

export interface CdmiQuery {
  /** The fields named, each once, in the order of their first naming; none: there is no selection. Names that the standard does not know may be persisted fields. */
  readonly fields: readonly string[]
  /** Arguments of `value`: bytes of it (or, where a queue is copied from, values). */
  readonly values: readonly RangeSpec[]
  /** Arguments of `metadata`: prefixes of names for a read, names for a change. */
  readonly metadata: readonly string[]
  /** Argument of `children`. */
  readonly children: ChildSelection | undefined
  /** Argument of `values`. */
  readonly queueValues: QueueValues | undefined
}

/**
 * Reads a query, with or without its question mark. A field named with an argument and also without one is narrowed: who
 * writes touches rather too little than too much. Throws InvalidRange and InvalidRequest.
 */
export function parseCdmiQuery (query: string): CdmiQuery {
  if (query === '') return noSelection
  const fields = new Set<string>()
  const values: RangeSpec[] = []
  const metadata = new Set<string>()
  let children: ChildSelection | undefined
  let queueValues: QueueValues | undefined
  const single = new Map<string, string>()
  for (const part of query.replace(/^\?/, '').split(/[&;]/)) {
    if (part === '') continue
    const [, rawName = '', rawArgument] = /^([^=:]*)(?:[=:](.*))?$/s.exec(part) ?? []
    const name = decode(rawName)
    if (name === '') throw new InvalidRequest(`The query has the argument "${rawArgument ?? ''}" without the name of a field before it`)
    fields.add(name)
    if (rawArgument === undefined) continue
    const argument = decode(rawArgument)
    switch (name) {
      case 'value':
        values.push(byteRange(argument))
        continue
      case 'metadata':
        metadata.add(argument)
        continue
      case 'children':
        children = parseChildSelection(argument)
        break
      case 'values':
        queueValues = parseQueueValues(argument)
        break
      default: throw new InvalidRequest(`The field "${name}" takes no argument in a query; only value, values, metadata and children do. (A "=" or ":" in the name of a field is written %3D or %3A.)`)
    }
    if ((single.get(name) ?? argument) !== argument) throw new InvalidRequest(`The query has two different arguments for "${name}", which takes one`)
    single.set(name, argument)
  }
  return { fields: [...fields], values, metadata: [...metadata], children, queueValues }
}

/** Of most requests. */
const noSelection: CdmiQuery = { fields: [], values: [], metadata: [], children: undefined, queueValues: undefined }

function byteRange (text: string): RangeSpec {
  const range = parseRangeSpec(text)
  if (range === undefined) throw new InvalidRange(`"${text}" is not a range; "value" takes "first-last", "first-" or "-count", for example "value=0-99" for the first 100 bytes`)
  return range
}

function parseQueueValues (text: string): QueueValues {
  const [, a, b] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? []
  if (a === undefined) throw new InvalidRange(`"${text}" says nothing about values; "values" takes a count, or "first-last" by the numbers of "queueValues"`)
  const first = Number(a)
  if (b === undefined) return { count: first }
  const last = Number(b)
  if (first > last) throw new InvalidRange('The range of "values" ends before it begins')
  return { first, last }
}

function decode (text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new InvalidRequest('The query has a percent sign that does not begin an escape, or escapes that are not UTF-8; a percent sign itself is written %25')
  }
}
