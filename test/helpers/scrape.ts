/** What `/-/metrics` says, read as strictly as Prometheus reads it. */
import { ask } from './built-server.js'

/** By name and labels as they stand: `cdmi_requests_total{door="plain",…}`. */
export type Numbers = ReadonlyMap<string, number>

const line = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\+Inf|-?\d[\d.e+-]*)$/

/** Throws for what is not in the format. */
export function numbersOf (text: string): Map<string, number> {
  const numbers = new Map<string, number>()
  const types = new Map<string, string>()
  if (!text.endsWith('\n')) throw new Error('the last line does not end')
  for (const one of text.slice(0, -1).split('\n')) {
    const [, typed, type] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(one) ?? []
    if (typed !== undefined && type !== undefined) {
      if (types.has(typed)) throw new Error(`${typed} is there twice`)
      types.set(typed, type)
    }
    if (one.startsWith('#')) continue
    const [, name = '', labels, value] = line.exec(one) ?? []
    if (value === undefined) throw new Error(`no line of the format: ${one}`)
    if (!types.has(name) && types.get(name.replace(/_(?:bucket|sum|count)$/, '')) !== 'histogram') throw new Error(`${name} has no type`)
    const key = labels === undefined ? name : `${name}{${labels}}`
    if (numbers.has(key)) throw new Error(`${key} is there twice`)
    numbers.set(key, value === '+Inf' ? Infinity : Number(value))
  }
  return numbers
}

/** Names of all families in the text. */
export function namesIn (text: string): string[] {
  return [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name)
}

export async function scrape (url: string, authorization: string): Promise<Map<string, number>> {
  const { status, text } = await ask(`${url}/-/metrics`, { headers: { authorization } })
  if (status !== 200) throw new Error(`${status} ${text}`)
  return numbersOf(text)
}

/** Series that begin with `name`, by their labels, and by how much they have risen. Those that have not are left out. */
export function risen (before: Numbers, after: Numbers, name: string): Record<string, number> {
  return Object.fromEntries([...after].flatMap(([key, value]) => {
    const by = value - (before.get(key) ?? 0)
    return key === name || key.startsWith(`${name}{`) ? by === 0 ? [] : [[key.slice(name.length), by]] : []
  }))
}
