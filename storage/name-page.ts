/** Pages of names as bytes: how they are made of names, and read. */
import type { NamePage } from './contract.js'

/** Most names of a page: what the event loop can be kept from other work for. */
export const mostNames = 2048

/** A page without names. */
export const noNames: NamePage = { count: 0, bytes: new Uint8Array(0), ends: new Uint32Array(0), types: new Uint8Array(0), more: false }

/** Of names one by one. `type` is one letter of ASCII. */
export function namePageOf (names: ReadonlyArray<{ readonly name: string | Uint8Array, readonly type: string }>, more: boolean): NamePage {
  const texts = names.map(({ name }) => typeof name === 'string' ? Buffer.from(name) : name)
  const ends = new Uint32Array(texts.length)
  let end = 0
  for (const [index, { length }] of texts.entries()) ends[index] = end += length
  return { count: texts.length, bytes: Buffer.concat(texts, end), ends, types: Buffer.from(names.map(({ type }) => type).join(''), 'latin1'), more }
}

/** One of the names. */
export function nameAt ({ bytes, ends }: NamePage, index: number): string {
  const start = index === 0 ? 0 : ends[index - 1] ?? 0
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, (ends[index] ?? start) - start).toString()
}

/** The names from one index up to another. */
export function partOfPage (page: NamePage, from: number, to: number): NamePage {
  const { count, bytes, ends, types, more } = page
  const first = Math.max(0, from)
  const end = Math.min(count, to)
  if (first === 0 && end === count) return page
  if (first >= end) return noNames
  const start = first === 0 ? 0 : ends[first - 1] ?? 0
  return {
    count: end - first,
    bytes: bytes.subarray(start, ends[end - 1]),
    ends: ends.slice(first, end).map(at => at - start),
    types: types.subarray(first, end),
    more: more || end < count
  }
}

/** Those of one type. */
export function namesOfType (page: NamePage, letter: string): NamePage {
  const { count, bytes, ends, types, more } = page
  const wanted = letter.charCodeAt(0)
  let all = true
  for (let index = 0; index < count && all; index++) all = types[index] === wanted
  if (all) return page
  const chosen: Uint8Array[] = []
  const chosenEnds: number[] = []
  let end = 0
  for (let index = 0; index < count; index++) {
    if (types[index] !== wanted) continue
    const name = bytes.subarray(index === 0 ? 0 : ends[index - 1], ends[index])
    chosen.push(name)
    chosenEnds.push(end += name.length)
  }
  return { count: chosen.length, bytes: Buffer.concat(chosen, end), ends: Uint32Array.from(chosenEnds), types: new Uint8Array(chosen.length).fill(wanted), more }
}
