/** The drivers with PostgreSQL, for the suite: values in files or in S3. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import type { S3Options } from '../../schemas/s3-options.js'
import type { DistributedStoreOptions } from '../../schemas/store-options.js'
import type { Store } from '../../storage/contract.js'
import { openStore } from '../../storage/open-store.js'
import type { Driver } from './driver.js'
import { endsOf, noErrors, quickDirectory } from './embedded-driver.js'
import type { PostgresServer } from './postgres-server.js'
import { freshOptions, type S3Server } from './s3-server.js'

/** Where a store of its own can be opened, any number of times at once. */
export function placeOf (t: Test, server: PostgresServer, directory: string): DistributedStoreOptions {
  return { meta: server.freshSchema(t), blobs: pathToFileURL(join(directory, 'blobs')).href, trashGrace: 0, sweepInterval: 0 }
}

/** The same with values in a bucket. */
export function bucketPlaceOf (t: Test, server: PostgresServer, s3: S3Server): DistributedStoreOptions {
  return { meta: server.freshSchema(t), blobs: freshUrl(s3), trashGrace: 0, sweepInterval: 0 }
}

export function postgresAndFiles (server: PostgresServer): Required<Pick<Driver, 'ends'>> & Driver {
  return {
    name: 'postgresql+files',
    fresh: async t => await opened(t, placeOf(t, server, await quickDirectory(t))),
    place: async t => reopened(t, placeOf(t, server, await quickDirectory(t))),
    ends: async t => endsOf(placeOf(t, server, await quickDirectory(t)))
  }
}

export function postgresAndS3 (server: PostgresServer, s3: S3Server): Required<Pick<Driver, 'ends'>> & Driver {
  return {
    name: 'postgresql+s3',
    runs: 12,
    fresh: async t => await opened(t, bucketPlaceOf(t, server, s3)),
    place: async t => reopened(t, bucketPlaceOf(t, server, s3)),
    ends: async t => endsOf(bucketPlaceOf(t, server, s3))
  }
}

/** All that is to be known of the values stands in the URL, the credentials, too. */
function freshUrl (server: S3Server): string {
  return urlOf(freshOptions(server))
}

/** The options as `openStore` takes them. */
export function urlOf ({ bucket, prefix = '', ...parameters }: S3Options): string {
  const url = new URL(`s3://${bucket}/${prefix}`)
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, String(value))
  return url.href
}

async function opened (t: Test, options: DistributedStoreOptions): Promise<Store> {
  const store = await openStore(options, noErrors)
  t.teardown(async () => { await store.close() })
  return store
}

function reopened (t: Test, options: DistributedStoreOptions): { open (): Promise<Store> } {
  let last: Store | undefined
  t.teardown(async () => { await last?.close() })
  return {
    async open () {
      last = await openStore(options, noErrors)
      return last
    }
  }
}
