/** Text fields of a form as user metadata of its objects (option `formFields: 'metadata'`; CLI-31, GEN-34). */
import { InvalidRequest, TooLarge } from '../../cdmi/errors.js'
import { maxJsonDepth } from '../../cdmi/json-value.js'
import type { FieldPart } from './form-parts.js'

export class FormMetadata {
  readonly #fields = new Map<string, unknown[]>()
  readonly #limit: number
  #size = 0

  /** `limit`: most bytes of all fields together, names and values: every object of the form gets a copy. */
  constructor (limit: number) {
    this.#limit = limit
  }

  /** Takes a field. Throws InvalidRequest for names that belong to the standard, TooLarge beyond the limit. */
  add ({ name, value }: FieldPart): void {
    // A control without a name is not data, and `_charset_` is a note of the browser (HTML, "constructing the entry list").
    if (name === '' || name === '_charset_') return
    if (name.startsWith('cdmi_')) throw new InvalidRequest(`The form has a field "${name.slice(0, 100)}"; names that begin with "cdmi_" belong to the standard and cannot be set by a form`)
    if (depthBeyond(value, maxJsonDepth)) throw new InvalidRequest(`The form has a JSON field that is nested more than ${maxJsonDepth} levels deep`)
    this.#size += Buffer.byteLength(name) + Buffer.byteLength(typeof value === 'string' ? value : JSON.stringify(value))
    if (this.#size > this.#limit) throw new TooLarge(`The text fields of the form are together longer than ${this.#limit} bytes, the limit of this server for metadata; nothing was stored`)
    const values = this.#fields.get(name)
    if (values === undefined) this.#fields.set(name, [value])
    else values.push(value)
  }

  /** One field: its value; several of one name: an array, in the order of the form. */
  get metadata (): Record<string, unknown> {
    return Object.fromEntries(Array.from(this.#fields, ([name, values]) => [name, values.length === 1 ? values[0] : values]))
  }
}

/** Whether a JSON value is nested deeper than `limit`; found without recursion. */
function depthBeyond (value: unknown, limit: number): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limit) return true
    level = level.flatMap(one => typeof one === 'object' && one !== null ? Object.values(one) : [])
  }
  return false
}
