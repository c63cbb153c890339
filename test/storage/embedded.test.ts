import t from 'tap'
import { driverSuite } from './driver-suite.js'
import { embedded } from './embedded-driver.js'

driverSuite(t, embedded)
