/** Runs one case, or several at a time, each in a scratch container of its own. */
import { AssertionError } from 'node:assert'
import type { Case } from './case.js'
import { isKnown, lacking, offering, type Offers } from './offers.js'
import type { Server } from './server.js'
import { Target } from './target.js'

export type Outcome =
  | { readonly status: 'passed' }
  | { readonly status: 'failed', readonly sentence: string }
  /** The server does not advertise what the case needs, or it was started without credentials or for a server of 2.0 alone. */
  | { readonly status: 'not offered', readonly sentence: string, readonly capability?: string }
  /** The case says what happens without a capability that the server has. */
  | { readonly status: 'does not apply', readonly sentence: string }

export async function runCase (server: Server, offers: Offers, each: Case): Promise<Outcome> {
  const missing = lacking(offers, each.needs)
  if (missing !== undefined) return { status: 'not offered', sentence: `${missing} is not advertised`, capability: missing }
  if (each.version1 === true && !offers.version1) return { status: 'not offered', sentence: 'CDMI 1.x is not spoken' }
  if (each.credentials === true && server.user === undefined) return { status: 'not offered', sentence: 'no user was given' }
  const there = offering(offers, each.lacks)
  if (there !== undefined) return { status: 'does not apply', sentence: isKnown(offers, there) ? `${there} is advertised` : `nobody can read whether ${there} is advertised` }
  const target = new Target(server)
  try {
    await target.open()
    await each.run(target)
    return { status: 'passed' }
  } catch (error) {
    if (error instanceof AssertionError) return { status: 'failed', sentence: error.message }
    // What the case was not written for, such as a Location that is no URI: the server failed it, and the run goes on.
    return { status: 'failed', sentence: `unexpected ${String(error)}` }
  } finally {
    await target.close()
  }
}

/** All of them, so many at a time; outcomes in the order of the cases. */
export async function runCases (server: Server, offers: Offers, cases: readonly Case[], concurrency = 4): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  const waiting = cases.entries()
  const work = async (): Promise<void> => {
    for (const [index, each] of waiting) outcomes[index] = await runCase(server, offers, each)
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  return outcomes
}
