/** Assertions that say in a sentence what was seen and what was expected. */
import { AssertionError } from 'node:assert'
import { isDeepStrictEqual } from 'node:util'
import type { Answer } from './answer.js'

export type Fields = Readonly<Record<string, unknown>>

export function holds (condition: unknown, sentence: string): asserts condition {
  if (!condition) throw new AssertionError({ message: sentence })
}

/** Deeply equal. `what`: what is looked at. */
export function same (actual: unknown, expected: unknown, what: string): void {
  holds(isDeepStrictEqual(actual, expected), `${what} is ${shown(actual)} instead of ${shown(expected)}`)
}

export function matches (actual: unknown, pattern: RegExp, what: string): string {
  holds(typeof actual === 'string' && pattern.test(actual), `${what} is ${shown(actual)}, which is not of the form ${String(pattern)}`)
  return actual
}

/** The status is one of these. */
export function answers (answer: Answer, status: number | readonly number[], why = ''): Answer {
  const expected = typeof status === 'number' ? [status] : status
  holds(expected.includes(answer.status), `${answer.request} answered ${answer.status} instead of ${expected.join(' or ')}${why === '' ? '' : ` (${why})`}${excerpt(answer)}`)
  return answer
}

/** Refused, and not by a failure of the server. */
export function refuses (answer: Answer, why = ''): Answer {
  holds(answer.status >= 400 && answer.status < 500, `${answer.request} answered ${answer.status} instead of 4xx${why === '' ? '' : ` (${why})`}${excerpt(answer)}`)
  return answer
}

export function isFields (value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The member as a JSON object. */
export function fieldsIn (fields: Fields, name: string): Fields {
  const value = fields[name]
  holds(isFields(value), `${name} is ${shown(value)} instead of a JSON object`)
  return value
}

export function textIn (fields: Fields, name: string): string {
  const value = fields[name]
  holds(typeof value === 'string', `${name} is ${shown(value)} instead of a string`)
  return value
}

export function listIn (fields: Fields, name: string): readonly unknown[] {
  const value = fields[name]
  holds(Array.isArray(value), `${name} is ${shown(value)} instead of an array`)
  return value
}

/** Objects with every two of the members. */
export function pairs (members: Fields): Fields[] {
  const entries = Object.entries(members)
  return entries.flatMap((first, index) => entries.slice(index + 1).map(second => Object.fromEntries([first, second])))
}

export function has (fields: Fields, ...names: string[]): void {
  for (const name of names) holds(name in fields, `the field ${name} is missing in ${shown(Object.keys(fields))}`)
}

export function hasNot (fields: Fields, ...names: string[]): void {
  for (const name of names) holds(!(name in fields), `the field ${name} should not be there, but is ${shown(fields[name])}`)
}

function excerpt ({ text }: Answer): string {
  // Tables have one line a case, whatever the server says.
  return text === '' ? '' : `: ${text.slice(0, 200).replace(/\s+/g, ' ').trim()}`
}

function shown (value: unknown): string {
  if (Buffer.isBuffer(value)) return shown(value.toString('latin1'))
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}
