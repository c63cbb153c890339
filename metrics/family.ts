/** What was measured, as plain data: it passes between processes, is added up, and becomes text. Knows nothing of what is measured. */

export type Labels = Readonly<Record<string, string>>

/** One line of numbers: of a counter or a gauge one, of a histogram how many were in each bucket, how many were above them all, and their sum. */
export interface Sample {
  readonly labels: Labels
  readonly values: readonly number[]
}

export interface Described {
  readonly name: string
  readonly help: string
}

/** All that has one name. */
export interface Family extends Described {
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** How the numbers of several processes become one: what each has for itself is added, what all see of one thing is taken once. */
  readonly merging: 'sum' | 'max'
  readonly samples: readonly Sample[]
  /** Upper bounds of the buckets of a histogram, ascending. */
  readonly buckets?: readonly number[]
}

/** A gauge that is read now: one number, or some with labels. */
export function gauge (described: Described, value: number | readonly Sample[], merging: Family['merging'] = 'sum'): Family {
  return { ...described, type: 'gauge', merging, samples: samplesOf(value) }
}

/** A counter that somebody else counts. */
export function counter (described: Described, value: number | readonly Sample[]): Family {
  return { ...described, type: 'counter', merging: 'sum', samples: samplesOf(value) }
}

/** For the two above. */
export function sample (value: number, labels: Labels = {}): Sample {
  return { labels, values: [value] }
}

function samplesOf (value: number | readonly Sample[]): readonly Sample[] {
  return typeof value === 'number' ? [sample(value)] : value
}

/** Labels as they stand in the text; those of one family have the same names in the same order. */
export function labelsText (labels: Labels): string {
  return Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`).join(',')
}

function escaped (value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

/** The numbers of several processes as those of one. */
export function merged (snapshots: ReadonlyArray<readonly Family[]>): Family[] {
  const families = new Map<string, { readonly family: Family, readonly samples: Map<string, { readonly labels: Labels, readonly values: number[] }> }>()
  for (const family of snapshots.flat()) {
    const known = families.get(family.name) ?? { family, samples: new Map() }
    families.set(family.name, known)
    for (const { labels, values } of family.samples) {
      const key = labelsText(labels)
      const before = known.samples.get(key)
      if (before === undefined) known.samples.set(key, { labels, values: [...values] })
      else for (const [at, value] of values.entries()) before.values[at] = together(before.values[at] ?? 0, value, family.merging)
    }
  }
  return Array.from(families.values(), ({ family, samples }) => ({ ...family, samples: [...samples.values()] }))
}

function together (one: number, other: number, merging: Family['merging']): number {
  return merging === 'sum' ? one + other : Math.max(one, other)
}
