/** The stand-alone server: every door over one store, with TLS, users, health, documentation. It reads no environment and handles no signals. */
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, type FastifyServerOptions } from 'fastify'
import type { AddressInfo } from 'node:net'
import type { IncomingMessage, Server } from 'node:http'
import { Server as TlsServer } from 'node:tls'
import type { Family } from './metrics/family.js'
import cdmi, { type CdmiPluginOptions, type Store } from './index.js'
import auth from './plugins/auth.js'
import { challenge, defaultRealm } from './plugins/challenge.js'
import cors from './plugins/cors.js'
import { partEarly } from './plugins/early-answer.js'
import errors, { renderError } from './plugins/errors.js'
import { mediaTypeOfRequest } from './plugins/media-type-constraint.js'
import openapi from './plugins/openapi.js'
import type { AffinityOptions } from './plugins/sockets/worker-affinity.js'
import healthRoutes from './routes/health.js'
import metricsRoutes from './routes/metrics.js'
import { keyedErrors } from './routes/keyed/errors.js'
import { checkOptions } from './schemas/check-options.js'
import { ServerConfig } from './schemas/config.js'
import { clientErrorHandler, refuseTunnel } from './server/client-error.js'
import { checkShared, openConfiguredStore } from './server/configured-store.js'
import { storeDirectory } from './server/store-config.js'
import { limitConnections } from './server/connection-limit.js'
import { Connections } from './server/connections.js'
import { CountedRequest } from './server/counted-request.js'
import { makeFirstUser, serverAuthenticator, type FirstUser } from './server/first-user.js'
import { Listener } from './server/listen.js'
import { LoadGuard } from './server/load-guard.js'
import { storeAwaited, loggerOptions, requestID, RequestLog, standardError, startLog, type LogStream } from './server/logging.js'
import { loadOpenTelemetry } from './server/load-open-telemetry.js'
import { RequestLogger } from './server/request-logger.js'
import { Redirect } from './server/redirect.js'
import { ServerMetrics } from './server/server-metrics.js'
import { type ServerTls } from './server/tls.js'
import { TlsWatch } from './server/tls-watch.js'
import { trustedProxies } from './server/trust-proxy.js'
import { version } from './server/version.js'

export interface ServerParts {
  /** Used instead of the one that the configuration names. Closed with the server all the same. */
  readonly store?: Store
  /** Where the log goes. Default: standard error. */
  readonly log?: LogStream
  /** Where several processes serve one port: what their sockets find each other by. */
  readonly affinity?: AffinityOptions
  /** Where several processes are one server: what this one is called, and the numbers of all. */
  readonly metrics?: { readonly name: string, collect (own: () => Promise<Family[]>): Promise<readonly Family[]> }
  /** Is told of the user that was made because nobody could have logged in: to be shown, this once. */
  readonly onFirstUser?: (user: FirstUser) => void
}

export interface BuiltServer {
  readonly app: FastifyInstance
  /** What this process has counted; undefined when the configuration says that nobody is to know. */
  readonly metrics: ServerMetrics | undefined
  /** Begins to listen; answers the URL. */
  listen (): Promise<string>
  /** Takes requests for `drainDelay` yet, lets those in flight finish, cuts what takes longer than `drainTimeout`, closes the store. Answers how many connections were cut. */
  close (): Promise<number>
}

/** The conventional root URI (design: URL space). */
const conventionalPrefix = '/cdmi/2.0.0'
/** Milliseconds that a client has for the TLS handshake, at most. */
const longestHandshake = 10_000
/** Milliseconds between two looks of Node for headers and requests that are late, at most: by so much their ends can be late, too. */
const longestLook = 1000

/**
 * Opens the store and composes the server; nothing listens yet.
 * Throws OptionError, ConfigError, UsersFileError and StorageError, with sentences for the operator.
 */
export async function buildServer (given: ServerConfig, parts: ServerParts = {}): Promise<BuiltServer> {
  const config = checkOptions(ServerConfig, given, 'The server')
  const { host = 'localhost', port = 6375 } = config
  const directory = storeDirectory(config)
  if (directory === undefined) await checkShared(config)
  const log = parts.log ?? standardError()
  const metrics = config.metrics === 'off' ? undefined : new ServerMetrics(parts.metrics?.name)
  let app: FastifyInstance | undefined
  const report = (error: unknown, doing: string): void => { app?.log.error({ err: error }, `failed in the background: ${doing}`) }
  const store = parts.store ?? await openConfiguredStore(config, {
    report,
    waiting: error => { startLog(config.logLevel ?? 'info', log).warn({ err: error }, storeAwaited) },
    // Of several processes the first one has said so.
    ...parts.affinity === undefined && { notice: sentence => { startLog(config.logLevel ?? 'info', log).warn(sentence) } }
  })
  try {
    // After the store, which makes its directory itself.
    const tls = await TlsWatch.begin(config, directory)
    const redirect = new Redirect(config, () => { guard.connectionRefused() })
    const server: FastifyInstance = app = Fastify(fastifyOptions(config, { tls: tls.options, log, metrics, connections: () => connections })) as unknown as FastifyInstance
    // So many as fit into a header: Node would leave out what is beyond a number, without a word.
    server.server.maxHeadersCount = 0
    answerHalfClosed(server.server as Server)
    const guard = new LoadGuard(config.load ?? {}, message => { server.log.warn(message) })
    limitConnections(server.server as Server, config.load?.connections ?? 10_000, () => { guard.connectionRefused() })
    const connections: Connections = new Connections(server.server as Server)
    server.server.on('connect', refuseTunnel(connections))
    metrics?.watch(server.server as Server, store, () => guard.refused)
    const firstUser = await makeFirstUser(config, directory)
    // Whatever goes wrong from here on: nobody will ever see it again.
    if (firstUser !== undefined) parts.onFirstUser?.(firstUser)
    const authenticator = await serverAuthenticator(config, directory, message => { server.log.warn(message) })
    const listener = new Listener(server)
    const close = await compose(server, config, { store, authenticator, affinity: parts.affinity, connections, listener, guard, metrics, all: parts.metrics?.collect })
    server.addHook('preClose', async () => {
      tls.stop()
      redirect.stop()
      guard.stop()
    })
    await server.ready()
    const listen = async (): Promise<string> => {
      const url = await listener.listen({ host, port })
      const { port: actual } = server.server.address() as AddressInfo
      const clear = await redirect.listen(host, actual)
      if (clear !== undefined) server.log.info({ port: clear }, 'requests in clear are sent on to HTTPS')
      tls.follow(server.server, server.log)
      return url
    }
    return { app: server, metrics, close, listen }
  } catch (error) {
    await app?.close().catch(() => {})
    metrics?.stop()
    await store.close()
    throw error
  }
}

interface Ingredients {
  readonly tls: ServerTls | undefined
  readonly log: LogStream
  readonly metrics: ServerMetrics | undefined
  readonly connections: () => Connections
}

function fastifyOptions (config: ServerConfig, { tls, log, metrics, connections }: Ingredients): FastifyServerOptions {
  const requestTimeout = milliseconds(config.requestTimeout, 0)
  // 0: no limit.
  const noLongerThan = (longest: number, ...given: number[]): number => Math.min(longest, ...given.filter(one => one > 0))
  const givenTimeout = milliseconds(config.headersTimeout, 30)
  // The header is a part of the request.
  const headersTimeout = requestTimeout === 0 ? givenTimeout : noLongerThan(requestTimeout, givenTimeout)
  const http = { IncomingMessage: CountedRequest, headersTimeout, requestTimeout, maxHeaderSize: config.headerSize ?? 16 * 1024, connectionsCheckingInterval: noLongerThan(longestLook, headersTimeout, requestTimeout) }
  const handshakeTimeout = noLongerThan(longestHandshake, headersTimeout)
  return {
    logger: loggerOptions(config.logLevel ?? 'info', log) ?? false,
    logController: new RequestLog(config.logLevel ?? 'info', metrics?.requests),
    childLoggerFactory: (logger, bindings, options) => new RequestLogger(logger, bindings, options),
    genReqId: requestID,
    trustProxy: trustedProxies(config.trustProxy) as never,
    // Unless the operator says otherwise uploads may take as long as they like, as long as they move.
    requestTimeout,
    connectionTimeout: milliseconds(config.idleTimeout, 120),
    // Between two requests, too.
    keepAliveTimeout: milliseconds(config.idleTimeout, 120),
    pluginTimeout: 60_000,
    return503OnClosing: false,
    routerOptions: { maxParamLength: 16_384 },
    // Absolute form, as proxies send it (RFC 9112 §3.2.2).
    rewriteUrl: ({ url = '/' }) => /^https?:\/\//i.test(url) ? url.replace(/^https?:\/\/[^/?#]*\/?/i, '/') : url,
    clientErrorHandler: clientErrorHandler(connections) as never,
    frameworkErrors: (error, request, reply) => {
      partEarly(request as never, reply as never)
      sayToBrowsers(request, reply, config.hsts)
      // The router does not get as far as the door whose form errors have.
      if (isKeyed(request.raw)) keyedErrors(challenge(config.realm ?? defaultRealm))(error, request as never, reply as never)
      else renderError(error, request as never, reply as never, config.realm)
    },
    ...(tls === undefined ? { http } : { https: { ...tls, ...http, handshakeTimeout } })
  } as FastifyServerOptions
}

/** In every answer. */
function sayToBrowsers ({ protocol }: Pick<FastifyRequest, 'protocol'>, reply: Pick<FastifyReply, 'header'>, hsts = 0): void {
  reply.header('x-content-type-options', 'nosniff')
  if (hsts > 0 && protocol === 'https') reply.header('strict-transport-security', `max-age=${hsts}`)
}

/** Whether a request is for the keyed door, as the router would decide. */
function isKeyed (request: IncomingMessage): boolean {
  return /^\/data(?:[/?]|$)/.test(request.url ?? '') && mediaTypeOfRequest(request) === 'other'
}

/** A client may end its half of the connection with its last request and wait for the answers. With TLS Node ends the other half by itself. */
function answerHalfClosed (server: Server): void {
  if (!(server instanceof TlsServer)) Object.assign(server, { httpAllowHalfOpen: true })
}

function milliseconds (seconds: number | undefined, otherwise: number): number {
  return Math.round((seconds ?? otherwise) * 1000)
}

interface Composed extends Required<Pick<CdmiPluginOptions, 'store' | 'authenticator'>> {
  readonly affinity: AffinityOptions | undefined
  readonly connections: Connections
  readonly listener: Listener
  readonly guard: LoadGuard
  readonly metrics: ServerMetrics | undefined
  /** The numbers of all processes, where there are several. */
  readonly all: NonNullable<ServerParts['metrics']>['collect'] | undefined
}

/** Puts everything together; answers how to end it. */
async function compose (app: FastifyInstance, config: ServerConfig, { store, authenticator, affinity, connections, listener, guard, metrics, all }: Composed): Promise<() => Promise<number>> {
  const { realm, anonymous, clientUser, limits, activeContent, formFields, formAnswer, withoutCapabilities, remoteSources, delayedAfter, templates, quotas, containerQuotas, locations, cors: origins = [], docs = true, hsts } = config
  let drained: Promise<number> = Promise.resolve(0)
  app.addHook('preClose', async () => {
    await connections.finish(listener.isServing ? milliseconds(config.drainDelay, 0) : 0)
    drained = connections.drain(milliseconds(config.drainTimeout, 30))
    // Not one more connection while sockets say goodbye.
    listener.stop()
  })
  app.addHook('onClose', async () => {
    const cut = await drained
    if (cut > 0) app.log.warn({ connections: cut }, 'connections were cut, for they did not come to an end in time')
    metrics?.stop()
    await store.close()
  })
  app.addHook('onRequest', (request, reply, done) => {
    sayToBrowsers(request, reply, hsts)
    const refusal = guard.admit(request.raw, reply.raw)
    if (refusal !== undefined) return done(refusal)
    const turn = connections.turnOf(reply.raw)
    if (turn === undefined) return done()
    turn.then(goesOn => {
      if (goesOn) done()
      // Nobody will hear of it any more, so it is not done either.
      else reply.hijack()
    }).catch(done)
  })

  await app.register(errors, { realm, notFound: true })
  if (origins.length > 0) await app.register(cors, { origins })
  if (docs) await app.register(openapi, { version, twins: [conventionalPrefix] })
  await app.register(healthRoutes, { store, version, draining: () => connections.draining })
  if (metrics !== undefined) {
    const own = async (): Promise<Family[]> => await metrics.collect()
    const open = config.metrics === 'on'
    await app.register(async scope => {
      if (!open) {
        await scope.register(auth, { authenticator, realm, clientUser })
        scope.addHook('onRequest', scope.authenticate)
      }
      await scope.register(metricsRoutes, { open, collect: async () => await (all ?? (own => own()))(own) })
    })
  }
  const count = metrics?.requests
  const openTelemetry = config.tracing === true ? await loadOpenTelemetry() : undefined
  const options = defined({ realm, anonymous, clientUser, limits, activeContent, formFields, formAnswer, withoutCapabilities, remoteSources, delayedAfter, templates, quotas, containerQuotas, locations, openTelemetry })
  await app.register(cdmi, { prefix: conventionalPrefix, store, authenticator, ...options })
  await app.register(cdmi, { prefix: '/', store, authenticator, ...options, ...defined({ affinity, count }), admit: brings => guard.admitMessage(brings), refused: () => { guard.socketRefused() }, keyed: true, sockets: true })
  return async () => {
    await app.close()
    return await drained
  }
}

/** Without the properties that are undefined. */
function defined<T extends object> (values: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> }
}
