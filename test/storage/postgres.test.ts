import t from 'tap'
import { driverSuite } from './driver-suite.js'
import { postgresAndFiles } from './postgres-driver.js'
import { postgresServer } from './postgres-server.js'

const server = await postgresServer()
if (server === undefined) t.pass('PostgreSQL is not installed', { skip: true })
else driverSuite(t, postgresAndFiles(server))
