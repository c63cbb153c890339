import t, { type Test } from 'tap'
import { openStore } from '../../index.js'
import type { DistributedStoreOptions } from '../../schemas/store-options.js'
import { noErrors, quickDirectory } from '../storage/embedded-driver.js'
import { bucketPlaceOf, placeOf } from '../storage/postgres-driver.js'
import { postgresServer } from '../storage/postgres-server.js'
import { s3Server } from '../storage/s3-server.js'
import { faultOf } from './expected.js'
import { startGateways } from './local-server.js'
import { type Case, titleOf } from './suite/case.js'
import { copyMove } from './suite/copy-move.js'
import { dataObjectsCreate } from './suite/data-objects-create.js'
import { dataObjectsRead } from './suite/data-objects-read.js'
import { dataObjectsUpdate } from './suite/data-objects-update.js'
import { httpDataObjects } from './suite/http-data-objects.js'
import { suite } from './suite/index.js'
import { readOffers } from './suite/offers.js'
import { partialUpload } from './suite/partial-upload.js'
import { runCases } from './suite/run-case.js'
import { serialization } from './suite/serialization.js'
import { Server } from './suite/server.js'

const gateways = 2
/** Most of the time of a case is waiting for a commit, or for an object to be stored. */
const atOnce = 8

/** Those whose values come from where values are kept: nothing else is different there, for the records are in the same database. */
const ofValues: readonly Case[] = [...httpDataObjects, ...dataObjectsCreate, ...dataObjectsRead, ...dataObjectsUpdate, ...copyMove, ...serialization, ...partialUpload]

async function holds (t: Test, place: DistributedStoreOptions, cases: readonly Case[]): Promise<void> {
  const stores = await Promise.all(Array.from({ length: gateways }, async () => await openStore(place, noErrors)))
  t.teardown(async () => { await Promise.all(stores.map(async store => { await store.close() })) })
  const local = await startGateways(stores)
  const server = new Server(local)
  t.teardown(async () => {
    await server.close()
    await local.close()
  })
  const outcomes = await runCases(server, await readOffers(server), cases, atOnce)
  for (const [index, each] of cases.entries()) t.equal(faultOf(each, outcomes[index]), undefined, titleOf(each))
}

const [database, s3] = await Promise.all([postgresServer(), s3Server()])

t.test('two servers in turn, records in PostgreSQL and values in files: every case about values', { skip: database === undefined }, async t => {
  if (database !== undefined) await holds(t, placeOf(t, database, await quickDirectory(t)), ofValues)
})

t.test('two servers in turn, records in PostgreSQL and values in S3: every case of the suite', { skip: database === undefined || s3 === undefined }, async t => {
  if (database !== undefined && s3 !== undefined) await holds(t, bucketPlaceOf(t, database, s3), suite)
})
