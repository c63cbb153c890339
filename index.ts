/**
 * The plugin, and what the package exports.
 *
 * ```ts
 * const store = await openStore({ directory: './data' })
 * await app.register(cdmi, { store, prefix: '/cdmi/2.0.0', users: [{ name: 'admin', password: 'secret' }] })
 * ```
 */
import type { FastifyPluginAsync, LogLevel } from 'fastify'
import { capabilityNames } from './cdmi/capabilities.js'
import { isDataSystemMetadata } from './cdmi/metadata.js'
import { Cdmi } from './cdmi/model.js'
import type { Offers } from './cdmi/offers.js'
import auth from './plugins/auth.js'
import type { Authenticator, UserSource, VerifyUser } from './plugins/authenticator.js'
import { challenge, defaultRealm } from './plugins/challenge.js'
import errors from './plugins/errors.js'
import expectContinue from './plugins/expect-continue.js'
import { refuseForeignPages } from './plugins/foreign-page.js'
import { keyedContainer } from './plugins/keyed-container.js'
import { addMediaTypeConstraint } from './plugins/media-type-constraint.js'
import { objectCors } from './plugins/object-cors.js'
import { OpenTelemetryTracing, traceRequests, type OpenTelemetryApi } from './plugins/open-telemetry.js'
import type { Patience } from './plugins/remote-sources/allow-list.js'
import { sockets } from './plugins/sockets.js'
import { soundRequests } from './plugins/sound-request.js'
import type { SocketCount } from './plugins/sockets/context.js'
import type { AffinityOptions } from './plugins/sockets/worker-affinity.js'
import cdmiDoor from './routes/cdmi.js'
import { answerVersion } from './routes/cdmi/request.js'
import { keyedRoutes } from './routes/keyed.js'
import plainRoutes from './routes/plain.js'
import { checkOptions, OptionError } from './schemas/check-options.js'
import { CdmiOptions, type LimitOptions, type User } from './schemas/options.js'
import type { Store } from './storage/contract.js'
import { sweepEvery } from './storage/sweeper.js'

/** Milliseconds between two looks for transfers that nobody works on any more. */
const recoveryRound = 15_000
/** Milliseconds between two rounds that discard parts for which no others came (PUP-12). */
const partsRound = 60_000

/** Types of most bodies: of one that has no parser of its own the name is parsed anew with each request. */
const usualTypes = ['application/octet-stream', 'application/json', 'text/plain', 'application/cdmi-object']

export interface CdmiPluginOptions extends CdmiOptions {
  /** What `openStore` gave. The application opens it before and closes it after. */
  readonly store: Store
  /** Who may log in: users with passwords or hashes, or a function that decides. */
  readonly users?: readonly User[] | VerifyUser
  /** Users that may change while the application runs. */
  readonly userSource?: UserSource
  /** One authenticator for several registrations; then `users` and `userSource` are not looked at. */
  readonly authenticator?: Authenticator
  /** Where several processes serve one port: what their sockets find each other by. */
  readonly affinity?: AffinityOptions
  /** Takes a message of a socket in, or says with an error why there is too much to do: the stand-alone server does so. `brings`: something to be stored. */
  readonly admit?: (brings: boolean) => Error | undefined
  /** Is told of each socket that is refused because there are as many as `limits.sockets` says. */
  readonly refused?: () => void
  /** Is told of sockets and their messages: the stand-alone server counts them. */
  readonly count?: SocketCount
  /** The package @opentelemetry/api, as it is: then there are spans of requests, commits and segments of values. */
  readonly openTelemetry?: OpenTelemetryApi
  /** Fastify's: below it lie all URIs of the store. */
  readonly prefix?: string
  /** Fastify's. */
  readonly logLevel?: LogLevel
}

const cdmi: FastifyPluginAsync<CdmiPluginOptions> = async (app, given) => {
  const { store, users, userSource, authenticator, affinity, admit, refused, count, openTelemetry, prefix: _prefix, logLevel: _logLevel, ...rest } = given
  if (typeof store !== 'object' || store === null || typeof store.meta?.commit !== 'function') {
    throw new OptionError('The plugin needs the option "store": what openStore() resolved to')
  }
  const options = checkOptions(CdmiOptions, rest, 'The plugin')
  const { limits = {}, anonymous, clientUser, realm, remoteSources = [] } = options
  const tracing = openTelemetry === undefined ? undefined : new OpenTelemetryTracing(openTelemetry)
  if (tracing !== undefined && store.metrics !== undefined) store.metrics.tracing = tracing
  // The client of HTTP is loaded by those who need it: it is a tenth of the time of a start.
  const remote = remoteSources.length === 0 ? undefined : (await import('./plugins/remote-sources.js')).openRemoteSources(remoteSources, { patience: patienceOf(limits) })

  app.decorate('cdmi', new Cdmi(store, limits, withoutCapabilities(options), offersOf(options), remote, { users: options.quotas, containers: options.containerQuotas }))
  await app.cdmi.quotas.begin()
  app.decorate('cdmiOptions', options)
  const expiry = sweepEvery(partsRound, async () => await app.cdmi.partialUploads.expire(), (error: unknown) => { app.log.warn({ err: error }, 'parts of values that never came whole could not be discarded') })
  const closing = new AbortController()
  // Whoever comes first need not wait for it.
  const counting = app.cdmi.quotas.countAll(closing.signal).catch((error: unknown) => { app.log.warn({ err: error }, 'what users and containers have could not be counted; it is tried again with each round of the sweeper') })
  const report = (error: unknown): void => { app.log.warn({ err: error }, 'a transfer could not be written down') }
  app.cdmi.transfers.reportTo(report)
  const recover = async (): Promise<void> => { await app.cdmi.transfers.recover() }
  // Also where no server is named any more: one may have been.
  const recovery = sweepEvery(recoveryRound, recover, report)
  app.addHook('onReady', async () => { await recover().catch(report) })
  // Before the application closes the store.
  app.addHook('preClose', async () => {
    closing.abort()
    await counting
    await expiry.stop()
    await recovery.stop()
    await app.cdmi.transfers.close()
    await remote?.close()
    await app.cdmi.flush().catch((error: unknown) => { app.log.warn({ err: error }, 'the last accesses could not be written down') })
  })
  await app.register(errors, { realm })
  await app.register(expectContinue)
  await app.register(auth, { users, source: userSource, authenticator, anonymous, clientUser, realm })
  // Routes that the router shares by media type must know how before the first of them.
  addMediaTypeConstraint(app)

  await app.register(async doors => {
    doors.removeAllContentTypeParsers()
    // Bodies are streams until a door reads them; the framework reads none.
    doors.addContentTypeParser([...usualTypes, '*'], (_request, _payload, done) => { done(null) })
    if (tracing !== undefined) traceRequests(doors, tracing)
    soundRequests(doors)
    answerVersion(doors)
    await doors.register(async namespace => {
      // Before it is known who asks: preflights do not say.
      objectCors(namespace)
      refuseForeignPages(namespace)
      namespace.addHook('onRequest', namespace.authenticate)
      await namespace.register(plainRoutes)
      await namespace.register(cdmiDoor)
    })
    if (options.keyed === true) {
      await doors.register(async keyed => {
        refuseForeignPages(keyed)
        keyed.addHook('onRequest', keyed.authenticate)
        await keyed.register(keyedRoutes, { constraints: { cdmiMediaType: 'other' }, challenge: challenge(realm ?? defaultRealm) })
        await keyed.register(keyedContainer)
      })
    }
  })
  // Outside of the doors that refuse requests without credentials: messages may bring them.
  if (options.sockets === true) await app.register(sockets, { verifier: app.authenticator, limits, anonymous, certified: app.certifiedPrincipal, affinity, admit, refused, count, tracing })
}

function patienceOf ({ remoteTime, remoteRate }: LimitOptions): Partial<Patience> {
  return {
    ...(remoteTime === undefined ? {} : { total: remoteTime * 1000 }),
    ...(remoteRate === undefined ? {} : { rate: remoteRate })
  }
}

/** Throws OptionError for names that are no capability of this server. */
function withoutCapabilities ({ withoutCapabilities: names = [] }: CdmiOptions): readonly string[] {
  const known = capabilityNames()
  const unknown = names.find(name => !known.has(name))
  if (unknown !== undefined) throw new OptionError(`The option "withoutCapabilities" of the plugin names "${unknown}", which is no capability of this server`)
  return names
}

/** Throws OptionError for templates with items that are the server's to make, or no data system metadata. */
function offersOf ({ templates = {}, locations }: CdmiOptions): Offers {
  for (const ofClass of Object.values(templates)) {
    for (const [template, items] of Object.entries(ofClass)) {
      const wrong = Object.keys(items).find(name => !isDataSystemMetadata(name))
      if (wrong !== undefined) throw new OptionError(`The option "templates" of the plugin has "${wrong}" in "${template}", which is no data system metadata that can be set`)
    }
  }
  return { templates, locations }
}

export default cdmi
export { cdmi }
export { Cdmi } from './cdmi/model.js'
export { metricsText } from './metrics/metrics-text.js'
export type { Principal } from './cdmi/principal.js'
export type { Authenticator, HashedUser, UserSource, VerifyUser } from './plugins/authenticator.js'
export type { OpenTelemetryApi, OpenTelemetryContext, OpenTelemetrySpan } from './plugins/open-telemetry.js'
export type { SocketCount } from './plugins/sockets/context.js'
export type { AffinityOptions } from './plugins/sockets/worker-affinity.js'
export { createAuthenticator } from './plugins/authenticator.js'
export { OptionError } from './schemas/check-options.js'
export type { CdmiOptions, LimitOptions, RemoteSource, User } from './schemas/options.js'
export type { DistributedStoreOptions, StoreOptions } from './schemas/store-options.js'
export type { End } from './storage/end-process.js'
export type { Reporter } from './storage/compose-store.js'
export { StorageError } from './storage/contract.js'
export type { StorageReason, Store, SweepReport } from './storage/contract.js'
export { openStore } from './storage/open-store.js'
export { openMemoryStore } from './storage/memory/memory-store.js'
