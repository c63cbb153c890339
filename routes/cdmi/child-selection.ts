/**
 * The argument of `children` in a query (COC-54, ECL-01 to ECL-06, ECL-09): `[!][ "[" field *("," field) "]" ][range]`. An exclamation mark asks for
 * the children's children, too; the fields are what is wanted of each child; the range is about the children of the container itself.
 */
import { InvalidRange, InvalidRequest } from '../../cdmi/errors.js'
import { parseRangeSpec, type RangeSpec } from '../http/range.js'

export interface ChildSelection {
  readonly recursive: boolean
  /** Undefined: names only. Else for each field its name and those of the fields in it: `metadata/cdmi_size` is two. */
  readonly fields: readonly (readonly string[])[] | undefined
  /** Undefined: all. */
  readonly range: RangeSpec | undefined
}

/** `text` is decoded. Throws InvalidRange and InvalidRequest. */
export function parseChildSelection (text: string): ChildSelection {
  const recursive = text.startsWith('!')
  let at = recursive ? 1 : 0
  let fields
  if (text[at] === '[') {
    const list = parseFieldList(text, at + 1)
    fields = list.fields
    at = list.end
  }
  const rest = text.slice(at)
  if (rest === '' && at > 0) return { recursive, fields, range: undefined }
  const range = parseRangeSpec(rest)
  if (range === undefined) throw new InvalidRange(`"${text}" does not select children; "children" takes "first-last", for example "children=0-9", "[field,field]" to list these fields of each child, and "!" before either for the children of children`)
  return { recursive, fields, range }
}

/** A backslash makes a separator part of a name (ECL-02: `\/`); before anything else it is a character like others. */
const token = /\\([\\/,[\]])|([/,\]])|([^/,\]])/gsu

/** From behind the opening bracket to behind the closing one. */
function parseFieldList (text: string, from: number): { fields: string[][], end: number } {
  const fields: string[][] = [['']]
  token.lastIndex = from
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [, escaped, separator, plain] = match
    const path = fields.at(-1) ?? []
    if (separator === undefined) {
      path.push((path.pop() ?? '') + (escaped ?? plain ?? ''))
      continue
    }
    if (path.at(-1) === '') throw new InvalidRequest('The list of fields of "children" has an empty name')
    if (separator === ']') return { fields, end: token.lastIndex }
    if (separator === '/') path.push('')
    else fields.push([''])
  }
  throw new InvalidRequest('The list of fields of "children" has no "]" at its end')
}
