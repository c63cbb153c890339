/** socket.io (clients of v2, v3 and v4): messages and answers are events named `http message`. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { WebSocket } from '@fastify/websocket'
import { Server as EngineServer } from 'engine.io'
import { Server as SocketIoServer, type Socket } from 'socket.io'
import { InvalidRequest } from '../../cdmi/errors.js'
import { credentialsOf, type Caller } from './caller.js'
import { closing, hardLimit, type SocketContext } from './context.js'
import { Flow, type Job } from './flow.js'
import { sessionOf } from './session-query.js'
import { PayloadTurns, type PollingTransport } from './payload-turns.js'
import { refused, toValue, understand, type Answer, type Work, worked } from './messages.js'
import { endLater, within } from './websocket-door.js'

/** The name of the event, both ways (KEY-20). */
export const eventName = 'http message'

/** An engine.io connection, with what its types keep to themselves. */
interface Connection {
  readonly id: string
  readonly readyState: string
  readonly writeBuffer: readonly unknown[]
  on (event: 'drain' | 'close' | 'upgrade' | 'packetCreate', listener: () => void): void
  close (discard?: boolean): void
  readonly transport: PollingTransport & {
    readonly name: string
    readonly socket?: WebSocket
    /** Polling: ends a session at once that waits for one more poll to tell the client by; else its timer lives on for 30 s. */
    readonly shouldClose?: (() => void) | null
  }
}

/** Packets that wait for a client to fetch them, beside the answers to its messages. */
const mostUnsent = 1000

export class SocketIoDoor {
  readonly #context: SocketContext
  readonly #engine: EngineServer
  readonly #io: SocketIoServer
  readonly #callers = new WeakMap<IncomingMessage, Caller>()
  /** By the ID of the connection (not of the socket.io socket: a connection may carry more than one). */
  readonly #flows = new Map<string, Flow>()
  /** Of connections that began with polling. */
  readonly #payloads = new Map<string, PayloadTurns>()

  /** `mark`: makes the ID of a session out of one that engine.io made up. */
  constructor (context: SocketContext, mark: (id: string) => string = id => id) {
    this.#context = context
    this.#engine = new EngineServer({
      allowEIO3: true,
      maxHttpBufferSize: hardLimit(context.limits),
      pingInterval: context.limits.heartbeat
    })
    this.#io = new SocketIoServer({ serveClient: false })
    const generate = this.#engine.generateId.bind(this.#engine)
    this.#engine.generateId = request => mark(generate(request) as string)
    const transportFor = this.#engine['createTransport'].bind(this.#engine)
    this.#engine['createTransport'] = (name, request) => {
      const { websocket } = request as IncomingMessage & { readonly websocket?: WebSocket }
      if (websocket !== undefined) endPingFlood(websocket)
      return transportFor(name, request)
    }
    // An answer may be two packets: the event and its acknowledgement.
    const mostWaiting = mostUnsent + 2 * context.limits.messagesInFlight
    // Not attached to any server: upgrades come from our dispatcher, polling from a route.
    this.#io.bind(this.#engine)
    this.#engine.on('connection', (connection: Connection) => {
      const { id, transport } = connection
      if (transport.name === 'polling') this.#payloads.set(id, new PayloadTurns(transport, async () => { await this.#flows.get(id)?.readable() }))
      // What engine.io and socket.io answer by themselves (pings, joins of what is no namespace) waits for no room: one that asks and never listens is let go.
      connection.on('packetCreate', () => { if (connection.writeBuffer.length >= mostWaiting) connection.close(true) })
      connection.on('close', () => {
        this.#payloads.delete(id)
        connection.transport.shouldClose?.()
      })
    })
    this.#io.on('connection', socket => { this.#serve(socket) })
  }

  /** Sessions that are open. */
  get size (): number {
    return this.#engine['clientsCount'] as number
  }

  /** A request of the polling transport. `response` belongs to engine.io from here on. `caller`: needed for the first of a session. */
  async request (request: IncomingMessage, response: ServerResponse, caller?: Caller): Promise<void> {
    if (caller !== undefined) this.#callers.set(request, caller)
    if (request.method === 'POST') {
      // Back-pressure where nothing can be paused: the body is not read before there is room for what is in it.
      const id = sessionOf(request.url ?? '') ?? ''
      const payloads = this.#payloads.get(id)
      if (payloads?.begin(response) === false) {
        this.#refuseOverlap(id, response)
        return
      }
      await payloads?.taken()
      await this.#flows.get(id)?.readable()
      if (request.destroyed) return
    }
    this.#engine.handleRequest(request as Parameters<EngineServer['handleRequest']>[0], response)
  }

  /** As engine.io does it, which sees only what it has begun to read: nobody could say in which order two POSTs were meant. */
  #refuseOverlap (id: string, response: ServerResponse): void {
    this.#connections()[id]?.close(true)
    response.writeHead(400).end()
  }

  #connections (): Record<string, Connection | undefined> {
    return this.#engine['clients'] as unknown as Record<string, Connection | undefined>
  }

  upgrade (request: IncomingMessage, socket: Duplex, head: Buffer, caller?: Caller): void {
    if (caller !== undefined) this.#callers.set(request, caller)
    this.#engine.handleUpgrade(request as Parameters<EngineServer['handleUpgrade']>[0], socket, head)
  }

  #serve (socket: Socket): void {
    const connection = socket.conn as unknown as Connection
    // There is one namespace. Each further join would take memory of its own, and a client can send very many before the first is answered.
    if (this.#flows.has(connection.id)) {
      connection.close(true)
      return
    }
    const { limits } = this.#context
    const handshake = this.#callers.get(socket.request)
    const caller: Caller = {
      source: handshake?.source ?? socket.handshake.address,
      credentials: credentialsOf(socket.handshake.auth) ?? handshake?.credentials,
      certified: handshake?.certified ?? (() => undefined)
    }
    const sent = sender(connection)
    const flow = new Flow({
      limit: limits.messagesInFlight,
      hasRoom: () => connection.writeBuffer.length === 0,
      setPaused: () => { pause(connection, flow.paused) }
    })
    this.#flows.set(connection.id, flow)
    const closed = this.#context.count?.opened('socket.io')
    const idle = setTimeout(() => { connection.close() }, limits.socketIdle).unref()
    connection.on('upgrade', () => { pause(connection, flow.paused) })
    socket.onAny((event: unknown, message: unknown, ...rest: unknown[]) => {
      idle.refresh()
      const acknowledge = rest.concat(message).find(value => typeof value === 'function') as ((answer: unknown) => void) | undefined
      const work = (): Work => event === eventName
        ? understand(this.#context, message, caller)
        : refused(this.#context, new InvalidRequest(`Messages are events of the name "${eventName}"`))
      flow.push(() => job(this.#context, work(), answer => {
        const value = toValue(answer)
        socket.emit(eventName, value)
        acknowledge?.(value)
      }, sent))
    })
    socket.on('disconnect', () => {
      clearTimeout(idle)
      flow.close()
      closed?.()
      if (this.#flows.get(connection.id) === flow) this.#flows.delete(connection.id)
    })
  }

  /** Answers what is under way (for at most `grace` milliseconds), then says good-bye to all. */
  async close (grace: number): Promise<void> {
    const clients = Object.values(this.#connections()).filter(connection => connection !== undefined)
    await Promise.all(clients.map(async connection => {
      const flow = this.#flows.get(connection.id)
      pause(connection, true)
      if (flow !== undefined) await within(grace, flow.drained())
      flow?.close()
      const { socket } = connection.transport
      if (socket === undefined || socket.readyState === socket.CLOSED) return
      const closed = new Promise<void>(resolve => { socket.once('close', () => { resolve() }) })
      socket.resume()
      // engine.io itself would close without a code.
      socket.close(closing.goingAway, 'The server is closing')
      endLater(socket)
      await closed
    }))
    await this.#io.close()
    for (const { transport } of clients) transport.shouldClose?.()
  }
}

function job (context: SocketContext, work: Work, send: (answer: Answer) => void, sent: () => Promise<void>): Job {
  return {
    subject: work.subject,
    async run () {
      send(await worked(context, 'socket.io', work))
      return { left: sent() }
    }
  }
}

/** Resolves when what was sent so far has been handed to the transport, or the connection has ended. */
function sender (connection: Connection): () => Promise<void> {
  let waiting: Array<() => void> = []
  const release = (): void => {
    const released = waiting
    waiting = []
    for (const resolve of released) resolve()
  }
  connection.on('drain', release)
  connection.on('close', release)
  return async () => {
    if (connection.writeBuffer.length === 0 || connection.readyState === 'closed') return
    await new Promise<void>(resolve => { waiting.push(resolve) })
  }
}

/** Pings of WebSocket itself have their answers from ws, which waits for no room: who pings on and on, and takes nothing of what it has been sent, is let go. */
function endPingFlood (socket: WebSocket): void {
  let unheard = 0
  socket.on('ping', () => {
    if (socket.bufferedAmount === 0) unheard = 0
    if (++unheard > mostUnsent) socket.terminate()
  })
}

function pause ({ transport: { socket } }: Connection, paused: boolean): void {
  if (paused) socket?.pause()
  else socket?.resume()
}
