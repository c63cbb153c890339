/** Which containers have quotas of their own, with all that is below them: by their paths, which need not be there yet. */
import { OptionError } from '../schemas/check-options.js'
import type { ObjectID, RecordHead } from '../storage/contract.js'
import { type Address, formatPath, objectIDRoot, parseAddress } from './address.js'
import { describeError } from './describe-error.js'
import type { Quota, QuotaRules } from './quota.js'
import { isContainer } from './record.js'

/** A container that has a quota. */
export interface QuotaPlace {
  /** As it is shown. */
  readonly path: string
  readonly names: readonly string[]
  readonly quota: Quota
}

/** One that an object lies in. */
export interface LimitedBy extends QuotaPlace {
  readonly id: ObjectID
}

/** A step of the way to quotas: there is one where, at it or below it, a container has one. */
interface Step {
  place?: QuotaPlace
  readonly below: Map<string, Step>
}

/** Each object counts for all containers with quotas that it lies in. */
const deepest = 16

/** What the gate looks at: records, from the top of the store down. */
export type Chain = ReadonlyArray<Pick<RecordHead, 'id' | 'type'> & { readonly name?: string | undefined }>

export class ContainerQuotas {
  readonly places: readonly QuotaPlace[]
  readonly #rootID: ObjectID
  readonly #root: Step = { below: new Map() }

  /** Throws OptionError for what is no path of a container, is there twice, or lies in too many others. */
  constructor (rules: QuotaRules, rootID: ObjectID) {
    this.#rootID = rootID
    this.places = Object.entries(rules).map(([given, quota]) => this.#enter(given, quota))
  }

  #enter (given: string, quota: Quota): QuotaPlace {
    const { names } = addressOf(given)
    const place = { path: formatPath(names, true), names, quota }
    let step = this.#root
    let above = 0
    for (const name of names) {
      if (step.place !== undefined) above++
      const next = step.below.get(name) ?? { below: new Map() }
      step.below.set(name, next)
      step = next
    }
    if (step.place !== undefined) throw new OptionError(`The option "containerQuotas" names the container ${place.path} twice`)
    if (above >= deepest) throw new OptionError(`The option "containerQuotas" has more than ${deepest} containers in each other: ${place.path} is one too many`)
    step.place = place
    return place
  }

  /** Those that lie in each other along a chain, from the top down. */
  along (chain: Chain): LimitedBy[] {
    const found: LimitedBy[] = []
    let step = chain[0]?.id === this.#rootID ? this.#root : undefined
    for (let at = 0; step !== undefined; at++) {
      const record = chain[at]
      if (record === undefined || !isContainer(record)) break
      if (step.place !== undefined) found.push({ ...step.place, id: record.id })
      step = step.below.get(chain[at + 1]?.name ?? '')
    }
    return found
  }

  /** Whether there is one at the end of a chain, or below that. `name`: one step more. */
  isAtOrBelow (chain: Chain, name: string | undefined): boolean {
    if (chain[0]?.id !== this.#rootID) return false
    let step: Step | undefined = this.#root
    for (const record of chain.slice(1)) step = step?.below.get(record.name ?? '')
    return step?.below.has(name ?? '') === true
  }
}

/** Throws OptionError. */
function addressOf (path: string): Address {
  const wrong = (why: string): OptionError => new OptionError(`The option "containerQuotas" takes paths of containers, like "/projects/a/"; "${path}" ${why}`)
  if (!path.startsWith('/') || !path.endsWith('/')) throw wrong('does not begin and end with a slash')
  try {
    const address = parseAddress(path)
    if (address !== objectIDRoot && address.from === undefined) return address
  } catch (error) {
    throw wrong(`is none: ${describeError(error).message}`)
  }
  throw wrong('is none: it names an object by its ID')
}
