import t from 'tap'
import { concurrencySuite } from './concurrency-suite.js'
import { s3Driver } from './s3-driver.js'
import { s3Server } from './s3-server.js'
import { sweepSuite } from './sweep-suite.js'
import { valuesSuite } from './values-suite.js'

const server = await s3Server(t)
if (server === undefined) {
  t.plan(0, 'no S3 server on this machine')
} else {
  const driver = s3Driver(server)
  valuesSuite(t, driver)
  sweepSuite(t, driver)
  concurrencySuite(t, driver)
}
