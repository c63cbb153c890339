/** What the objects of a store name of what a server has to offer, and the configuration at hand does not. */
import { Capabilities } from '../cdmi/capabilities.js'
import { recordProblem } from '../cdmi/check-record.js'
import { defaultLimits } from '../cdmi/model.js'
import { offerNotice } from '../cdmi/offer-notice.js'
import type { ServerConfig } from '../schemas/config.js'
import type { StoredRecord } from '../storage/contract.js'
import { mostKept } from './looks.js'

/** What a configuration offers. */
export type Offered = { readonly [K in 'withoutCapabilities' | 'templates' | 'locations' | 'remoteSources']?: ServerConfig[K] | undefined }

/** The same, for another process. */
export interface ToldNotices {
  readonly sentences: readonly string[]
  readonly count: number
}

export class OfferNotices {
  readonly offered: Offered
  /** Sentences; at most so many are kept, all are counted. */
  readonly sentences: string[] = []
  count = 0
  readonly #capabilities: Capabilities
  #last: string | undefined

  constructor ({ withoutCapabilities, templates, locations, remoteSources }: Offered) {
    this.offered = { withoutCapabilities, templates, locations, remoteSources }
    this.#capabilities = new Capabilities(defaultLimits, withoutCapabilities, { templates, locations, remoteSources: remoteSources !== undefined })
  }

  /** Takes over what another process has found. */
  add ({ sentences, count }: ToldNotices): void {
    this.sentences.push(...sentences)
    this.count += count
  }

  /** For who looks at each record: the problem of its own that it has; else its offers are looked at. */
  readonly checkRecord = (record: StoredRecord): string | undefined => {
    const problem = recordProblem(record)
    const notice = problem === undefined ? offerNotice(record, this.#capabilities) : undefined
    // What seemed wrong otherwise is looked at again.
    if (notice === undefined || record.id === this.#last) return problem
    this.#last = record.id
    this.count++
    if (this.sentences.length < mostKept) this.sentences.push(`${record.name === undefined ? '' : `"${record.name}" `}(object ${record.id}) ${notice}`)
    return undefined
  }
}
