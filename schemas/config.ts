/** Configuration of the stand-alone server. This schema is its only definition: the config file, the environment, the flags, `--help` and the manual come from it. */
import { CdmiOptions, LimitOptions } from './options.js'
import { type Static, Type } from './typebox.js'

const { anonymous, clientUser, activeContent, formFields, formAnswer, realm, withoutCapabilities, remoteSources, delayedAfter, templates, quotas, containerQuotas, locations } = CdmiOptions.properties

const seconds = (description: string) => Type.Optional(Type.Number({ minimum: 0, maximum: 86_400, description }))
const text = (description: string) => Type.Optional(Type.String({ minLength: 1, description }))
const path = (description: string) => Type.Optional(Type.String({ minLength: 1, description, format: 'path' }))
/** Never a flag: other users of the machine could read it in the list of processes. */
const secret = (description: string) => Type.Optional(Type.String({ minLength: 1, description, writeOnly: true }))

/** A user name in it may be seen; a secret is never taken from a flag, for the same reason. */
const storeUrl = (description: string) => Type.Optional(Type.String({ minLength: 1, description, format: 'store-url' }))

const DatabaseConfig = Type.Object({
  connections: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'Connections to the database that each process opens at most, one for following changes not counted. Default: 10.' })),
  queue: Type.Optional(Type.Integer({ minimum: 0, description: 'Operations of a process that may wait for a connection; what comes on top is refused at once (503). Default: 1000.' })),
  timeout: Type.Optional(Type.Number({ minimum: 0.1, maximum: 86_400, description: 'Seconds after which an operation that the database does not answer is given up (503). Default: 30.' })),
  connectTimeout: Type.Optional(Type.Number({ minimum: 0.1, maximum: 86_400, description: 'Seconds that an operation waits for a connection to the database, at most; several servers share them. Default: 5.' })),
  startTimeout: seconds('Seconds that a start waits for a database that cannot be reached, before it fails. Default: 30.'),
  leaseTimeout: Type.Optional(Type.Number({ minimum: 1, maximum: 86_400, description: 'Seconds after which a server that the database has not heard of counts as dead; the same for all servers of a store. Default: 300.' }))
}, { additionalProperties: false })

const LoadConfig = Type.Object({
  connections: Type.Optional(Type.Integer({ minimum: 0, description: 'Most connections of a process; what comes on top gets a 503 at once and is closed, with TLS without a word; 0: as many as come. Default: 10000.' })),
  uploads: Type.Optional(Type.Integer({ minimum: 0, description: 'Most requests with a body that a process works on at once; what comes on top is refused (503); 0: as many as come. Default: 1000.' })),
  uploadBytes: Type.Optional(Type.Integer({ minimum: 0, description: 'Bytes of the bodies of unanswered requests of a process from which on further uploads are refused (503); 0: as many as come. Default: 0.' })),
  loopDelay: Type.Optional(Type.Number({ minimum: 0, description: 'Milliseconds by which the event loop of a process may be late, twice in succession, before requests are refused (503); 0: however late. Default: 2000.' }))
}, { additionalProperties: false })

export const ServerConfig = Type.Object({
  data: path('Directory of the store; a server makes it when it is not there. Default: `./data`.'),
  meta: storeUrl('Instead of data: URL of the PostgreSQL database with the records of a store of many servers, `postgres://user@host/database?schema=name`; several servers of which one is the primary with commas between them. No password in a flag: use the variable, the config file or PGPASSWORD. Default: none.'),
  blobs: storeUrl('Goes with meta: where longer values are, `s3://bucket/prefix?endpoint=…` or `file:///directory`. Keys of S3 come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Default: none.'),
  migrate: Type.Optional(Type.Boolean({ description: 'Make the tables of the database at a start, or bring them up to date. `false`: refuse to start while `fastify-cdmi migrate` has something to do. Default: `true`.' })),
  host: text('Address to listen on. `localhost` (the default) is both loopback addresses; `0.0.0.0` or `::` is every network.'),
  port: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535, description: 'Port to listen on; 0 lets the system choose. Default: 6375.' })),
  users: path('File of users, made by `fastify-cdmi user add`. Default: `users.json` in the directory of the store, made at the first start.'),
  adminUser: text('Name of the first user. Default: `admin`.'),
  adminPassword: secret('Password of that user. It is not stored. Without it, and without a users file, one is made at the first start and printed once.'),
  anonymous,
  realm,
  tls: Type.Optional(Type.Union([Type.Literal('off'), Type.Literal('self-signed')], { description: '`self-signed`: serve HTTPS (and nothing else) with a certificate that is made once per store. A certificate of your own (tlsCert, tlsKey) also turns TLS on. Default: `off`.' })),
  tlsCert: path('Certificate with its chain: a PEM file, or the PEM text itself.'),
  tlsKey: path('Private key of the certificate: a PEM file, or the PEM text itself.'),
  tlsPassphrase: secret('Passphrase of the private key.'),
  tlsMinVersion: Type.Optional(Type.Union([Type.Literal('TLSv1.2'), Type.Literal('TLSv1.3')], { description: 'Oldest version of TLS that is spoken. Default: `TLSv1.2`.' })),
  clientCertificates: Type.Optional(Type.Union([Type.Literal('none'), Type.Literal('request'), Type.Literal('require')], { description: 'Whether clients are asked for a certificate: `request`, they may do without one; `require`, they may not connect without a valid one. Default: `none`.' })),
  clientCa: path('Certificates of the authorities whose client certificates are valid: a PEM file, or the PEM text itself.'),
  clientUser,
  redirectPort: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535, description: 'Second port, for HTTP in clear: each request there is sent on to HTTPS (308); 0 lets the system choose. Default: none.' })),
  redirectTo: text('Where it is sent: an origin such as `https://files.example.org`. Default: the host that was asked for, at the port of the server.'),
  hsts: Type.Optional(Type.Integer({ minimum: 0, maximum: 315_360_000, description: 'Seconds for which browsers are told to use HTTPS only (Strict-Transport-Security); 0: they are told nothing. Default: 0.' })),
  workers: Type.Optional(Type.Integer({ minimum: 1, maximum: 256, description: 'Processes that serve HTTP; they share the one that writes, or a database. Default: 1.' })),
  logLevel: Type.Optional(Type.Union([Type.Literal('fatal'), Type.Literal('error'), Type.Literal('warn'), Type.Literal('info'), Type.Literal('debug'), Type.Literal('trace'), Type.Literal('silent')], { description: 'Least level that is logged, as JSON lines on standard error. Default: `info`.' })),
  cors: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { description: 'Origins whose pages may use the server from a browser, or `*`. Default: none.' })),
  trustProxy: text('Which proxies are believed about the address of the client, the host and the scheme: addresses and networks (`10.0.0.0/8`, `loopback`, `linklocal`, `uniquelocal`) with commas between, or `true` for everybody. Default: none.'),
  activeContent,
  formFields,
  formAnswer,
  withoutCapabilities,
  remoteSources,
  delayedAfter,
  templates,
  quotas,
  containerQuotas,
  locations,
  docs: Type.Optional(Type.Boolean({ description: 'Serve the description of the API at `/-/docs`. Default: `true`.' })),
  metrics: Type.Optional(Type.Union([Type.Literal('off'), Type.Literal('users'), Type.Literal('on')], { description: 'Who may read what the server counts, at `/-/metrics`: `users`, who log in, `on`, everybody, or `off`, nobody. Default: `users`.' })),
  tracing: Type.Optional(Type.Boolean({ description: 'Make spans by OpenTelemetry: needs the package @opentelemetry/api, and an SDK that the process has loaded. Default: `false`.' })),
  drainDelay: seconds('Seconds after SIGTERM in which requests are still taken, while `/-/ready` says 503 and each connection ends with its next answer: as long as a balancer needs to see that. Default: 0.'),
  drainTimeout: seconds('Seconds that requests in flight have to finish after that. Default: 30.'),
  idleTimeout: seconds('Seconds after which a connection on which nothing moves is closed; 0: never. Default: 120.'),
  headersTimeout: seconds('Seconds that a client has to send the header of a request. Default: 30.'),
  requestTimeout: seconds('Seconds that a request may take until it has come whole, its body too; 0: as long as it moves. Default: 0.'),
  headerSize: Type.Optional(Type.Integer({ minimum: 2048, maximum: 1_048_576, description: 'Longest header of a request, in bytes. Default: 16 KiB.' })),
  trashGrace: seconds('Seconds that bytes which lost their last reference are kept for readers under way. Default: 3600.'),
  logRetention: Type.Optional(Type.Number({ minimum: 1, maximum: 36_500, description: 'Days that entries of the change log are kept, and with them the names and addresses of who changed something. Default: for ever.' })),
  scrubRate: Type.Optional(Type.Integer({ minimum: 0, maximum: 1024 ** 4, description: 'Bytes in a second that are read in the background to find rotten ones; 0: none. Default: 1 MiB, and 0 for values in S3.' })),
  database: Type.Optional(DatabaseConfig),
  load: Type.Optional(LoadConfig),
  limits: Type.Optional(LimitOptions)
}, { additionalProperties: false })
export type ServerConfig = Static<typeof ServerConfig>
export type LoadConfig = Static<typeof LoadConfig>
