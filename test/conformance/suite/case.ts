/** What the suite is made of: promises of CDMI 2.0 that can be seen over HTTP alone. */
import type { Target } from './target.js'

/** Names of capabilities, by the capability object that lists them. */
export interface Capabilities {
  readonly system?: readonly string[]
  readonly container?: readonly string[]
  readonly dataobject?: readonly string[]
}

export interface Case {
  /** The line of the checklist that it observes, or several, with `, ` between them. */
  readonly id: string
  /** The promise, in one sentence. */
  readonly text: string
  /** What the server must advertise; else the case is not offered. */
  readonly needs?: Capabilities
  /** What the server must not advertise; else the case does not apply. */
  readonly lacks?: Capabilities
  /** Only for servers that know CDMI 1.x, which an answer with a version header tells. */
  readonly version1?: true
  /** Only with a user and a password to leave out or to spoil. */
  readonly credentials?: true
  /** Throws an AssertionError that says what was wrong. */
  readonly run: (target: Target) => Promise<void>
}

/** What a case is called in tables and tests; unique. */
export function titleOf ({ id, text }: Case): string {
  return `${id}: ${text}`
}

export function idsOf ({ id }: Case): string[] {
  return id.split(', ')
}

/** The cases with further needs that all of them have. */
export function needing (needs: Capabilities, cases: readonly Case[]): Case[] {
  return cases.map(each => ({ ...each, needs: merged(needs, each.needs ?? {}) }))
}

/** The cases for servers that have none of these. */
export function without (lacks: Capabilities, cases: readonly Case[]): Case[] {
  return cases.map(each => ({ ...each, lacks: merged(lacks, each.lacks ?? {}) }))
}

function merged (a: Capabilities, b: Capabilities): Capabilities {
  return {
    system: [...a.system ?? [], ...b.system ?? []],
    container: [...a.container ?? [], ...b.container ?? []],
    dataobject: [...a.dataobject ?? [], ...b.dataobject ?? []]
  }
}
