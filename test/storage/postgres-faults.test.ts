import t from 'tap'
import { faultSuite } from './faults.js'
import { postgresAndFiles } from './postgres-driver.js'
import { postgresServer } from './postgres-server.js'

const server = await postgresServer()
if (server === undefined) t.pass('PostgreSQL is not installed', { skip: true })
else faultSuite(t, postgresAndFiles(server))
