/** How much there may be. */
import type { Amount } from '../storage/contract.js'

/** The most that a user may have. */
export type Quota = Partial<Amount>

/** Users by name, `*`: everybody who is not named; or containers by path. */
export type QuotaRules = Readonly<Record<string, Quota>>
