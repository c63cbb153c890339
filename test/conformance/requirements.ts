/**
 * What is promised, line by line, in short. Each line is held by tests whose names begin with its ID, by cases of the
 * black-box suite, or says which later step it waits for. `npm run conformance:page` makes docs/conformance.md of it.
 */
import { containers } from './requirements/containers.js'
import { dataObjects } from './requirements/data-objects.js'
import { http } from './requirements/http.js'
import { lifecycle } from './requirements/lifecycle.js'
import type { Requirement } from './requirements/requirement.js'

export type { Requirement } from './requirements/requirement.js'

export const requirements: readonly Requirement[] = [...http, ...dataObjects, ...containers, ...lifecycle]
