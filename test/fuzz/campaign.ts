/** Many cases at once against one server, and what the oracle has to say of them. */
import { answersIn } from './answers.js'
import { places, requestCase } from './cases.js'
import { conversation, type Listener } from './conversations.js'
import { exchange } from './exchange.js'
import type { Field } from './grounds.js'
import { complaintsAbout, leaksIn } from './judge.js'

export interface Plan {
  readonly seed: number
  readonly requests: number
  readonly frames: number
  /** Cases that are under way at once. */
  readonly atOnce: number
  /** Asked after each round: whether it has gone on for long enough, whatever is left. */
  readonly enough?: (() => boolean) | undefined
  /** The only case to be tried, by its number, where one is to be repeated. */
  readonly only?: { readonly kind: 'request' | 'socket', readonly number: number } | undefined
}

export interface Failure {
  /** `round`: seen after some cases; which of them it was is not known. */
  readonly kind: 'request' | 'socket' | 'round'
  readonly number: number
  readonly name: string
  readonly sent: Buffer
  readonly complaints: readonly string[]
}

export interface Tally {
  requests: number
  frames: number
  conversations: number
  /** By status; 0: connections that ended without an answer. */
  readonly statuses: Map<number, number>
  readonly socketStatuses: Map<number, number>
  /** Milliseconds of the longest case. */
  longest: number
  readonly failures: Failure[]
}

/** Canaries are looked at, and some places are made anew, after so many cases. All of them have come to their end then: a shorter round would wait for the slowest more often. */
const round = 2000
const placesAnew = 8
/** Enough to see what is wrong. */
const mostFailures = 20

/** `watch`: called after each round; what it says is wrong ends the attack. */
export async function attack (field: Field, listener: Listener, plan: Plan, watch: (tally: Tally) => Promise<readonly string[]> = async () => []): Promise<Tally> {
  const tally: Tally = { requests: 0, frames: 0, conversations: 0, statuses: new Map(), socketStatuses: new Map(), longest: 0, failures: [] }
  const { only } = plan
  const request = async (number: number): Promise<void> => { await tryRequest(field, listener, plan.seed, number, tally) }
  const socket = async (number: number): Promise<void> => { await trySocket(field, listener, plan.seed, number, tally) }
  const complain = (complaints: string[]): void => {
    if (complaints.length > 0) tally.failures.push({ kind: 'round', number: tally.requests, name: `one of the last ${round} requests, or a socket since then`, sent: Buffer.alloc(0), complaints })
  }
  const check = async (number: number): Promise<boolean> => {
    const wrong = [...await field.changed().catch((error: unknown) => [`the canaries cannot be read: ${String(error)}`]), ...await watch(tally)]
    complain(wrong)
    if (tally.failures.length >= mostFailures || wrong.length > 0) return false
    if ((number >= plan.requests && tally.frames >= plan.frames) || plan.enough?.() === true) return false
    try {
      await Promise.all(Array.from({ length: placesAnew }, async (_, n) => { await field.restore((Math.floor(number / round) * placesAnew + n) % places) }))
    } catch (error) {
      // A right request was refused, or not answered.
      complain([String(error)])
      return false
    }
    return true
  }
  if (only !== undefined) {
    await (only.kind === 'request' ? request : socket)(only.number)
    await check(only.number)
    return tally
  }
  for (let number = 0, spoken = 0; number < plan.requests || tally.frames < plan.frames;) {
    const end = Math.min(number + round, plan.requests)
    // Both come to their end at the same time.
    const due = end === plan.requests ? plan.frames : plan.frames * end / plan.requests
    await Promise.all([
      inTurn(plan.atOnce, () => number < end ? request(number++) : undefined),
      inTurn(Math.ceil(plan.atOnce / 4), () => tally.frames < due ? socket(spoken++) : undefined)
    ])
    if (!await check(number)) break
  }
  return tally
}

/** So many at once, until there are no more. */
async function inTurn (atOnce: number, next: () => Promise<void> | undefined): Promise<void> {
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (let one = next(); one !== undefined; one = next()) await one
  }))
}

async function tryRequest (field: Field, { address, secrets, bound }: Listener, seed: number, number: number, tally: Tally): Promise<void> {
  const { name, pieces, answers: most } = requestCase(seed, number, field)
  const { received, hung, took } = await exchange(address, pieces, bound)
  const answered = answersIn(received)
  const complaints = complaintsAbout(answered, secrets)
  if (answered.upgraded !== undefined) complaints.push(...leaksIn(answered.upgraded.toString('latin1'), secrets))
  if (hung) complaints.push(`no end within ${bound} ms`)
  if (most !== undefined && answered.answers.length > most) complaints.push(`${answered.answers.length} answers: a hidden request was carried out`)
  tally.requests++
  tally.longest = Math.max(tally.longest, took)
  count(tally.statuses, answered.upgraded === undefined ? answered.answers.map(({ status }) => status) : [101])
  if (complaints.length > 0) tally.failures.push({ kind: 'request', number, name, sent: Buffer.concat(pieces), complaints })
}

async function trySocket (field: Field, listener: Listener, seed: number, number: number, tally: Tally): Promise<void> {
  const { name, frames, sent, complaints, statuses, took } = await conversation(seed, number, field, listener)
  tally.conversations++
  tally.frames += frames
  tally.longest = Math.max(tally.longest, took)
  count(tally.socketStatuses, statuses)
  if (complaints.length > 0) tally.failures.push({ kind: 'socket', number, name, sent, complaints })
}

function count (statuses: Map<number, number>, these: readonly number[]): void {
  for (const status of these.length === 0 ? [0] : these) statuses.set(status, (statuses.get(status) ?? 0) + 1)
}
