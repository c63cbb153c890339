import t from 'tap'
import { driverSuite } from './driver-suite.js'
import { postgresAndS3 } from './postgres-driver.js'
import { postgresServer } from './postgres-server.js'
import { s3Server } from './s3-server.js'

const [database, s3] = [await postgresServer(t), await s3Server(t)]
if (database === undefined || s3 === undefined) t.plan(0, 'PostgreSQL or an S3 server is missing')
else driverSuite(t, postgresAndS3(database, s3))
