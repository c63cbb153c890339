/** What a run measured: every round of it, as JSON that describes itself, from which tables are made. */
import { readFile, writeFile } from 'node:fs/promises'
import type { Machine } from './machine.js'

/** An array has a number for each round. */
export type Cell = string | number | readonly number[]

export interface Column {
  readonly key: string
  readonly title: string
  /** After the point. Default: 0. */
  readonly digits?: number
}

export interface Section {
  readonly name: string
  readonly title: string
  readonly columns: readonly Column[]
  readonly rows: ReadonlyArray<Readonly<Record<string, Cell>>>
  /** Sentences about what the table does not say. */
  readonly notes: readonly string[]
}

export interface Results {
  readonly date: string
  readonly machine: Machine
  readonly versions: Readonly<Record<string, string>>
  /** The flags of the run. */
  readonly settings: Readonly<Record<string, string>>
  readonly sections: readonly Section[]
  /** Sentences about all of them. */
  readonly notes: readonly string[]
}

export async function writeResults (file: string, results: Results): Promise<void> {
  await writeFile(file, JSON.stringify(results, null, 2) + '\n')
}

/** Of an earlier run. */
export async function readResults (file: string): Promise<Results> {
  const results: Partial<Results> = JSON.parse(await readFile(file, 'utf8'))
  const { date, machine, versions, settings, sections, notes } = results
  if (date === undefined || machine === undefined || versions === undefined || settings === undefined || sections === undefined || notes === undefined) {
    throw new Error(`${file} was not written by --json`)
  }
  return { date, machine, versions, settings, sections, notes }
}
