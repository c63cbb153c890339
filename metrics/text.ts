/** Measurements in the text format of Prometheus, version 0.0.4, which its relatives read, too. */
import { type Family, labelsText, type Sample } from './family.js'

export const contentType = 'text/plain; version=0.0.4; charset=utf-8'

/** In the order of their names. Families without a sample are left out. */
export function textOf (families: readonly Family[]): string {
  return families.filter(({ samples }) => samples.length > 0).sort((one, other) => one.name < other.name ? -1 : 1).map(familyText).join('')
}

function familyText (family: Family): string {
  const { name, help, type, samples } = family
  const lines = samples.flatMap(one => type === 'histogram' ? histogramLines(family, one) : [line(name, labelsText(one.labels), one.values[0] ?? 0)])
  return `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

/** Each bucket has all that is in those before it. */
function histogramLines ({ name, buckets = [] }: Family, { labels, values }: Sample): string[] {
  const own = labelsText(labels)
  const within = own === '' ? '' : `${own},`
  let count = 0
  const lines = [...buckets, Infinity].map((bound, at) => {
    count += values[at] ?? 0
    return line(`${name}_bucket`, `${within}le="${numberText(bound)}"`, count)
  })
  return [...lines, line(`${name}_sum`, own, values[buckets.length + 1] ?? 0), line(`${name}_count`, own, count)]
}

function line (name: string, labels: string, value: number): string {
  return `${name}${labels === '' ? '' : `{${labels}}`} ${numberText(value)}\n`
}

function numberText (value: number): string {
  return value === Infinity ? '+Inf' : value === -Infinity ? '-Inf' : String(value)
}
