/** Options of `openStore`. These schemas are their only definition: types, validation and the manual's tables come from them. */
import { type Static, Type } from './typebox.js'

const megabyte = 1024 * 1024
const longestTimer = 0x7fffffff

const inlineLimit = (what: string) => Type.Optional(Type.Integer({ minimum: 0, maximum: megabyte, description: `Values up to so many bytes are kept in the record, longer ones in ${what}.` }))
const segmentSize = (what: string) => Type.Optional(Type.Integer({ minimum: 1, maximum: 1024 * megabyte, description: `Longest ${what} that part of a value is kept in, in bytes. Default: 8 MiB.` }))

const scrubRate = (usual: string) => Type.Optional(Type.Integer({ minimum: 0, maximum: 1024 ** 4, description: `Bytes in a second that are read in the background to find rotten ones, over and over, at most one pass a day; 0: none. ${usual}.` }))

const settings = {
  enterpriseNumber: Type.Optional(Type.Integer({ minimum: 1, maximum: 0xffffff, description: 'SNMP enterprise number that the IDs of a new store carry. Default: 32473, the number for documentation; set your own.' })),
  inlineLimit: inlineLimit('files. Default: 64 KiB'),
  segmentSize: segmentSize('file'),
  sweepInterval: Type.Optional(Type.Integer({ minimum: 0, maximum: longestTimer, description: 'Milliseconds between the rounds of the sweeper; 0: it runs only when asked. Default: one minute.' })),
  trashGrace: Type.Optional(Type.Integer({ minimum: 0, description: 'Milliseconds that bytes which were replaced or deleted stay readable for downloads under way: longer than the longest download. Default: one hour.' })),
  logRetention: Type.Optional(Type.Integer({ minimum: 0, description: 'Milliseconds that entries of the change log are kept. Default: for ever.' })),
  leaseDuration: Type.Optional(Type.Integer({ minimum: 1, description: 'Milliseconds after which new uploads get a new lease, so that what failed uploads left behind is found. Default: one day.' }))
}

/** A store in a directory, of one server. */
export const StoreOptions = Type.Object({
  directory: Type.String({ minLength: 1, description: 'Directory of the store; made when it does not exist. On a local file system: LMDB does not work over a network.' }),
  ...settings,
  scrubRate: scrubRate('Default: 1 MiB')
}, { additionalProperties: false })
export type StoreOptions = Static<typeof StoreOptions>

/** A store of many servers: records in a database, bytes where all of them can reach them. */
export const DistributedStoreOptions = Type.Object({
  meta: Type.String({ minLength: 1, description: 'URL of the database with the records: `postgres://user:password@host:port/database`. `?schema=name` chooses the schema that is this store (default: `cdmi`), made when it does not exist; other parameters (`sslmode` …) are for the connection. Several servers with commas between them, `postgres://user:password@one:5432,two:5432/database`: whichever is the primary.' }),
  blobs: Type.String({ minLength: 1, description: 'URL of the place of longer values: `file:///directory`, the same directory for every server, or `s3://bucket/prefix?endpoint=…` ([docs/s3.md](s3.md)).' }),
  ...settings,
  inlineLimit: inlineLimit('the place that `blobs` names. Default: 8 KiB'),
  segmentSize: segmentSize('file or object'),
  scrubRate: scrubRate('By one of the servers. Default: 1 MiB where values are in files, and 0 for S3, where reading may cost money'),
  migrate: Type.Optional(Type.Boolean({ description: 'Whether the opening makes the tables and brings them up to date. `false`: it is refused while `fastify-cdmi migrate` has something to do. Default: `true`.' })),
  connections: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'Connections to the database that this process opens at most, one for following the change log not counted. Default: 10.' })),
  queue: Type.Optional(Type.Integer({ minimum: 0, description: 'Operations that may wait for a connection; what comes on top is refused at once, to be tried again later. Default: 1000.' })),
  databaseTimeout: Type.Optional(Type.Integer({ minimum: 100, maximum: longestTimer, description: 'Milliseconds after which an operation that the database does not answer is given up. Default: 30 seconds.' })),
  connectTimeout: Type.Optional(Type.Integer({ minimum: 100, maximum: longestTimer, description: 'Milliseconds that an operation waits for a connection to the database, at most; several servers share them. Default: 5 seconds.' })),
  leaseTimeout: Type.Optional(Type.Integer({ minimum: 1000, maximum: longestTimer, description: 'Milliseconds after which a server that the database has not heard of counts as dead, so that its unfinished uploads are removed. Default: 5 minutes.' }))
}, { additionalProperties: false })
export type DistributedStoreOptions = Static<typeof DistributedStoreOptions>

/** What a store is told whatever it is made of, with every default filled in. */
export type StoreSettings = Required<Omit<StoreOptions, 'directory' | 'logRetention' | 'scrubRate'>> & Pick<StoreOptions, 'logRetention'>

/** The options with every default filled in. */
export type CompleteStoreOptions = StoreSettings & Required<Pick<StoreOptions, 'directory' | 'scrubRate'>>
export type CompleteDistributedOptions = StoreSettings & Required<Omit<DistributedStoreOptions, keyof StoreSettings>>

const defaults = {
  enterpriseNumber: 32473,
  inlineLimit: 64 * 1024,
  segmentSize: 8 * megabyte,
  sweepInterval: 60_000,
  trashGrace: 3_600_000,
  leaseDuration: 86_400_000
}

const distributedDefaults = {
  ...defaults,
  inlineLimit: 8 * 1024,
  migrate: true,
  connections: 10,
  queue: 1000,
  databaseTimeout: 30_000,
  connectTimeout: 5000,
  leaseTimeout: 300_000
}

export function completeStoreOptions (options: StoreOptions): CompleteStoreOptions {
  return { ...defaults, scrubRate: megabyte, ...options }
}

export function completeDistributedOptions (options: DistributedStoreOptions): CompleteDistributedOptions {
  return { ...distributedDefaults, scrubRate: /^file:/i.test(options.blobs) ? megabyte : 0, ...options }
}
