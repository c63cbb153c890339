/** Numbers of the command line. */

/** Throws a sentence when it is none, or less than 1. */
export function wholeNumber (flag: string, text: string): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1) throw new Error(`--${flag} is a number, 1 or more`)
  return number
}

/** With commas between. */
export function wholeNumbers (flag: string, text: string): number[] {
  return text.split(',').map(part => wholeNumber(flag, part))
}

const units: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }

/** `512M`, `1G`. */
export function bytesOf (flag: string, text: string): number {
  const [, number, unit = ''] = /^(\d+)([KMG]?)$/.exec(text) ?? []
  const bytes = Number(number) * (units[unit] ?? 1)
  if (!(bytes > 0)) throw new Error(`--${flag} is a number of bytes, as 512M or 1G`)
  return bytes
}

/** Those of the list that the flag names; all of them without it. Throws a sentence when it names others. */
export function chosenOf<T> (flag: string, given: string | undefined, all: Readonly<Record<string, T>>): T[] {
  if (given === undefined) return Object.values(all)
  if (given === '') return []
  return given.split(',').map(name => {
    const one = all[name]
    if (one === undefined) throw new Error(`--${flag} is of ${Object.keys(all).join(', ')}, with commas between`)
    return one
  })
}
