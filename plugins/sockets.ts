/**
 * Keyed JSON over sockets: plain WebSocket at `<prefix>/ws` and socket.io at `<prefix>/socket.io/`, both on the port of the
 * application (KEY-20 to KEY-25). Upgrades pass through Fastify's router as requests do, so that its hooks see them.
 *
 * To be registered where `app.cdmi` is, outside of any scope that refuses requests without credentials: a message may bring them.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { ServerResponse as Response } from 'node:http'
import { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import websocket, { type WebSocket } from '@fastify/websocket'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { withHeaders } from '../cdmi/describe-error.js'
import { Overloaded } from '../cdmi/errors.js'
import { anonymous, type Principal } from '../cdmi/principal.js'
import { nameDoor } from '../routes/door.js'
import { whenAnswered } from '../routes/http/answer-end.js'
import type { Tracing } from '../metrics/tracing.js'
import type { LimitOptions } from '../schemas/options.js'
import { callerOf, type Caller } from './sockets/caller.js'
import { hardLimit, type SocketContext, type SocketCount, type Verifier } from './sockets/context.js'
import { sessionOf } from './sockets/session-query.js'
import { SocketIoDoor } from './sockets/socket-io-door.js'
import { UpgradeDispatcher } from './sockets/upgrade-dispatcher.js'
import { WebSocketDoor } from './sockets/websocket-door.js'
import { WorkerAffinity, type AffinityOptions } from './sockets/worker-affinity.js'

export interface SocketsOptions {
  readonly verifier: Verifier
  readonly limits?: LimitOptions | undefined
  /** What callers without credentials may do. Default: nothing. */
  readonly anonymous?: Principal['access'] | undefined
  /** Who a connection is by its client certificate. Default: that says nothing. */
  readonly certified?: SocketContext['certified'] | undefined
  /** Milliseconds between two heartbeats. Default: 25 seconds. */
  readonly heartbeat?: number | undefined
  /** Where several processes serve one port: what they find each other by. */
  readonly affinity?: AffinityOptions | undefined
  /** Is told of sockets and messages. */
  readonly count?: SocketCount | undefined
  /** Takes a message in, or says why there is too much to do. Default: all are taken. */
  readonly admit?: SocketContext['admit']
  /** Is told of each socket that is refused because there are as many as may be. */
  readonly refused?: (() => void) | undefined
  /** Makes a span of each message. */
  readonly tracing?: Tracing | undefined
}

/** Milliseconds that messages under way have to be answered when the application closes. */
const grace = 5000

interface Upgrade { readonly socket: Duplex, readonly head: Buffer }

export async function sockets (app: FastifyInstance, options: SocketsOptions): Promise<void> {
  const { limits = {} } = options
  const context: SocketContext = {
    cdmi: app.cdmi,
    verifier: options.verifier,
    anonymous: anonymous(options.anonymous),
    certified: options.certified ?? (() => undefined),
    limits: {
      sockets: limits.sockets ?? 10_000,
      frame: limits.frame ?? 1024 ** 2 + 64 * 1024,
      messagesInFlight: limits.messagesInFlight ?? 32,
      socketIdle: limits.socketIdle ?? 600_000,
      heartbeat: options.heartbeat ?? 25_000
    },
    log: app.log,
    admit: options.admit,
    count: options.count,
    tracing: options.tracing
  }
  const dispatcher = UpgradeDispatcher.of(app.server as Server)
  const prefix = app.prefix.replace(/\/$/, '')
  const plain = new WebSocketDoor(context)
  const affinity = options.affinity && new WorkerAffinity(options.affinity, (request, response) => { poll(request, response) }, (request, socket, head) => { upgrade(request, socket, head) })
  const socketIo = new SocketIoDoor(context, affinity && (id => affinity.mark(id)))
  const removals: Array<() => void> = []
  const requireRoom = (): void => {
    const { sockets: most } = context.limits
    if (plain.size + socketIo.size < most) return
    options.refused?.()
    throw withHeaders(new Overloaded(`The server has ${most} sockets open, as many as it takes at once (limits.sockets)`), { 'retry-after': '5' })
  }

  // The first of all preClose hooks here: @fastify/websocket would close its sockets in the middle of their messages.
  app.addHook('preClose', async () => {
    for (const remove of removals) remove()
    await Promise.all([plain.close(grace), socketIo.close(grace)])
    await affinity?.close()
  })
  await affinity?.listen()

  /** Requests that engine.io chokes on, such as targets that are no URL, are refused too. */
  function poll (request: IncomingMessage, response: ServerResponse, caller?: Caller): void {
    socketIo.request(request, response, caller).catch((error: unknown) => {
      app.log.debug({ err: error }, 'a request to socket.io was refused')
      if (!response.headersSent) response.writeHead(400, { 'content-type': 'application/json' })
      response.end('{"code":3,"message":"Bad request"}')
    })
  }

  function upgrade (request: IncomingMessage, socket: Duplex, head: Buffer, caller?: Caller): void {
    try {
      socketIo.upgrade(request, socket, head, caller)
    } catch (error) {
      app.log.debug({ err: error }, 'an upgrade to socket.io was refused')
      socket.destroy()
    }
  }

  await app.register(async scope => {
    nameDoor(scope, 'websocket')
    // An application that has @fastify/websocket already goes on using it, and so do we: there can be only one in a line of scopes.
    if (!scope.hasDecorator('websocketServer')) {
      const upgrades = new EventEmitter()
      await scope.register(websocket, {
        options: { server: upgrades as Server, maxPayload: hardLimit(context.limits), clientTracking: true },
        errorHandler: websocketFailed,
        preClose: function (done) {
          upgrades.removeAllListeners()
          this.websocketServer.close()
          done()
        }
      })
      removals.push(dispatcher.add(`${prefix}/ws`, (request, socket, head) => {
        upgrades.emit('upgrade', request, socket, head)
      }))
    }
    scope.route({
      method: 'GET',
      url: '/ws',
      exposeHeadRoute: false,
      schema: { tags: ['sockets'], security: [], summary: 'Keyed JSON over WebSocket', description: 'Text frames of JSON: {"auth":{"username","password"},"method","url","data"?,"id"?}' },
      onRequest: async request => { if (request.ws) requireRoom() },
      handler: upgradeRequired,
      wsHandler: (socket, request) => { plain.serve(socket, callerOf(request, context)) }
    })
  })

  await app.register(async scope => {
    nameDoor(scope, 'socket.io')
    // Bodies belong to engine.io.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => { done(null) })
    const upgrades = new WeakMap<IncomingMessage, Upgrade>()
    const handler = (request: FastifyRequest, reply: FastifyReply): void => {
      const { raw } = request
      if (sessionOf(raw.url ?? '') === undefined) requireRoom()
      const wanted = upgrades.get(raw)
      // Headers that hooks have set (CORS, security) go out with the answers of engine.io.
      for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) reply.raw.setHeader(name, value)
      reply.hijack()
      if (wanted !== undefined) {
        const { socket, head } = wanted
        reply.raw.detachSocket(raw.socket)
        if (affinity?.forwardUpgrade(raw, socket, head) !== true) upgrade(raw, socket, head, callerOf(request, context))
        return
      }
      endWithClient(raw, reply.raw)
      if (affinity?.forward(raw, reply.raw) !== true) poll(raw, reply.raw, callerOf(request, context))
    }
    for (const url of ['/socket.io/', '/socket.io']) {
      scope.route({ method: ['GET', 'POST', 'OPTIONS'], url, exposeHeadRoute: false, schema: { hide: true }, handler })
      removals.push(dispatcher.add(prefix + url, (request, socket, head) => {
        upgrades.set(request, { socket, head })
        const response = new Response(request)
        response.assignSocket(request.socket)
        app.routing(request, response)
      }))
    }
  })
}

/** A poll may wait for long, and a POST for room: a client that ends its half of the connection meanwhile is gone, and its session ends with it. */
function endWithClient ({ socket }: IncomingMessage, response: ServerResponse): void {
  const leave = (): void => { socket.destroy() }
  // It may have waited for the answers to requests before it.
  if (socket.readableEnded) leave()
  socket.once('end', leave)
  whenAnswered(response, () => { socket.off('end', leave) })
}

/** What a client sends that is no WebSocket (frames too long, text that is not UTF-8), and its end without a goodbye, are no faults of ours. */
function websocketFailed (error: Error & { code?: string }, socket: WebSocket, request: FastifyRequest): void {
  if (error.code === undefined) request.log.error({ err: error }, 'a WebSocket failed')
  else request.log.debug({ err: error }, 'a WebSocket was ended')
  socket.terminate()
}

function upgradeRequired (_request: FastifyRequest, reply: FastifyReply): void {
  // A field of our own takes the place of the one that Node would end the connection by.
  const connection = reply.raw.shouldKeepAlive ? 'upgrade' : 'upgrade, close'
  reply.code(426).headers({ connection, upgrade: 'websocket' }).type('application/json; charset=utf-8').send('{"error":"This is a WebSocket; connect with a WebSocket client"}')
}
