/** The one suite that every driver must pass. */
import type { Test } from 'tap'
import { concurrencySuite } from './concurrency-suite.js'
import type { Driver } from './driver.js'
import { intakeSuite } from './intake-suite.js'
import { recordsSuite } from './records-suite.js'
import { sweepSuite } from './sweep-suite.js'
import { treesSuite } from './trees-suite.js'
import { usageSuite } from './usage-suite.js'
import { valuesSuite } from './values-suite.js'

export function driverSuite (t: Test, driver: Driver): void {
  recordsSuite(t, driver)
  valuesSuite(t, driver)
  sweepSuite(t, driver)
  concurrencySuite(t, driver)
  usageSuite(t, driver)
  treesSuite(t, driver)
  intakeSuite(t, driver)
}
