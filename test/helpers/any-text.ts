/** Texts of all characters that there are, for property tests. */
import fc, { type Arbitrary, type StringConstraints } from 'fast-check'

const [surrogates, surrogateCount, last] = [0xd800, 0x800, 0x10ffff]

/**
 * Any character. It is what the unit `binary` of fast-check stands for, which makes a table of all of them before it gives the first: that takes more than a
 * second of the processor, and a hundred megabytes.
 */
export const anyCharacter = fc.nat(last - surrogateCount).map(n => String.fromCodePoint(n < surrogates ? n : n + surrogateCount))

/** Among others the names that every object of JavaScript has. */
export function anyText (constraints: Pick<StringConstraints, 'minLength' | 'maxLength'> = {}): Arbitrary<string> {
  return fc.oneof({ weight: 9, arbitrary: fc.string({ ...constraints, unit: anyCharacter }) }, fc.string(constraints))
}
