import t from 'tap'
import { embedded } from './embedded-driver.js'
import { faultSuite } from './faults.js'

faultSuite(t, embedded)
