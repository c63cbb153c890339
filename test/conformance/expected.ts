/** What the suite must say of this project's own server, whatever keeps its objects. */
import { notOffered, notYet } from './not-yet.js'
import { type Case, titleOf } from './suite/case.js'
import type { Outcome } from './suite/run-case.js'

/** What is wrong with an outcome; undefined: nothing. */
export function faultOf (each: Case, outcome: Outcome | undefined): string | undefined {
  const listed = notYet.has(titleOf(each))
  switch (outcome?.status) {
    case undefined: return 'it was not run'
    case 'passed': return listed ? 'it passes, so it must not be in the list of what does not work yet' : undefined
    case 'failed': return listed ? undefined : outcome.sentence
    case 'does not apply': return undefined
    case 'not offered': return (outcome.capability === undefined ? listed : notOffered.has(outcome.capability)) ? undefined : outcome.sentence
  }
}
