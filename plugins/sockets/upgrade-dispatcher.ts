/**
 * Who gets an `upgrade` of a server. Everybody who wants sockets listens to that one event, and every listener sees every
 * upgrade: engine.io would cut off the connections of others, @fastify/websocket would answer 404 to them. Here each path of ours
 * goes to its own door only, and everything else goes on as if we were not there: to the other listeners, or, where there are
 * none, back to the server as an ordinary request (Node offers upgrades instead of requests as soon as anybody listens;
 * `curl --http2` asks for one with each request).
 */
import { type IncomingMessage, type Server as HttpServer, ServerResponse } from 'node:http'
import { Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

type Emit = HttpServer['emit']

const dispatchers = new WeakMap<HttpServer, UpgradeDispatcher>()

export class UpgradeDispatcher {
  readonly #server: HttpServer
  readonly #handlers = new Map<string, UpgradeHandler>()
  readonly #watchers: ((socket: Socket) => void)[] = []
  readonly #decline = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (this.#server.listenerCount('upgrade') !== 1) return
    socket.on('error', destroy)
    afterAnswers(socket, () => {
      asOrdinaryRequest(this.#server, request, socket, head)
      // Node listens again; one listener more for each upgrade that a client asks for would be many in the end.
      socket.off('error', destroy)
    })
  }

  private constructor (server: HttpServer) {
    this.#server = server
  }

  /** The dispatcher of a server; all instances of the plugin share it. */
  static of (server: HttpServer): UpgradeDispatcher {
    let dispatcher = dispatchers.get(server)
    if (dispatcher === undefined) {
      dispatcher = new UpgradeDispatcher(server)
      dispatchers.set(server, dispatcher)
    }
    return dispatcher
  }

  /** Takes the upgrades of a path. Returns what gives them back. */
  add (path: string, handler: UpgradeHandler): () => void {
    if (this.#handlers.has(path)) throw new Error(`Something else takes the sockets at ${path} already`)
    if (this.#handlers.size === 0) this.#begin()
    this.#handlers.set(path, handler)
    return () => {
      if (this.#handlers.get(path) !== handler) return
      this.#handlers.delete(path)
      if (this.#handlers.size === 0) this.#end()
    }
  }

  /**
   * `watcher` is told of each connection that becomes somebody's socket. To listen to `upgrade` for that would be wrong twice: an upgrade
   * of ours does not get there, and with one more listener nothing would go back to being an ordinary request.
   */
  watch (watcher: (socket: Socket) => void): void {
    this.#watchers.push(watcher)
  }

  /** Only by way of `emit` can an upgrade be kept from listeners that others add, before or after us. */
  #begin (): void {
    const server = this.#server
    const emit: Emit = server.emit
    const handlers = this.#handlers
    const watchers = this.#watchers
    // Each request comes by here: what is passed on as it came needs no list of its own.
    server.emit = function (this: HttpServer, ...given: [event: string | symbol, ...values: unknown[]]): boolean {
      if (given[0] === 'upgrade') {
        const [, request, socket, head] = given as [string, ...Parameters<UpgradeHandler>]
        // Other methods upgrade nothing (RFC 6455 §4.1).
        const handler = request.method === 'GET' ? handlers.get(pathOf(request.url ?? '')) : undefined
        if (handler !== undefined) {
          // Node takes its own listener off before it gives the socket away.
          socket.on('error', destroy)
          afterAnswers(socket, () => {
            for (const watcher of watchers) watcher(request.socket)
            readOn(socket)
            handler(request, socket, head)
            endAfterRefusal(socket)
          })
          return true
        }
      }
      return emit.apply(this, given as Parameters<Emit>)
    } as Emit
    // Without a listener Node would not offer upgrades at all.
    server.on('upgrade', this.#decline)
  }

  /** The `emit` stays as it is, for somebody may have wrapped it; without handlers it only passes on. */
  #end (): void {
    this.#server.off('upgrade', this.#decline)
    dispatchers.delete(this.#server)
  }
}

/**
 * A client may ask for an upgrade behind other requests, before it has their answers: those come first (RFC 9112 §9.3.2). No two answers can have
 * the connection, and Node throws when one is given a connection that another still has. Nothing happens when the connection ends with them.
 */
function afterAnswers (socket: Duplex, proceed: () => void): void {
  const answer = answerOn(socket)
  if (answer === undefined) {
    proceed()
    return
  }
  // Node looks after the connection no more, and its client may never read the answer.
  socket.on('timeout', destroy)
  answer.once('close', () => {
    socket.off('timeout', destroy)
    if (socket.writable) afterAnswers(socket, proceed)
    else leave(socket)
  })
}

/**
 * Node stops to read from a connection whose answers are long, and takes off what would begin again when they are out: the socket would never hear
 * anything, nor see the end of it. The stream itself takes for granted that its handle reads.
 */
function readOn (socket: Duplex): void {
  // A server may also have been given a connection that is no socket of the system.
  const handle = Reflect.get(socket, '_handle') as { reading: boolean, readStart (): void } | null | undefined
  if (handle == null || handle.reading) return
  handle.reading = true
  handle.readStart()
}

/** The last answer was the end of the connection. Nobody reads from it any more, so that the other end of it would not be seen. */
function leave (socket: Duplex): void {
  socket.resume()
  if (socket.writableFinished) socket.destroy()
  else socket.once('finish', () => { socket.destroy() })
}

/**
 * A route, a hook (401, 403, 429) or somebody else may answer instead: that ends the connection, for there is no parser on it any more, and it would
 * stay open with nobody to read from it. Who takes an upgrade takes the connection from the answer, which then has no end.
 */
function endAfterRefusal (socket: Duplex): void {
  answerOn(socket)?.once('finish', () => { socket.end(() => { socket.destroy() }) })
}

/** The answer that has the connection. */
function answerOn (socket: Duplex): ServerResponse | undefined {
  const answer: unknown = Reflect.get(socket, '_httpMessage')
  return answer instanceof ServerResponse ? answer : undefined
}

function destroy (this: Duplex): void {
  this.destroy()
}

function pathOf (url: string): string {
  const path = url.startsWith('/') ? url : url.replace(/^[a-z]+:\/\/[^/?]*/i, '')
  const mark = path.indexOf('?')
  return mark < 0 ? path : path.slice(0, mark)
}

/** Puts a request back into its connection without the wish to upgrade: a server may always ignore that (RFC 9110 §7.8). */
function asOrdinaryRequest (server: HttpServer, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const lines = [`${request.method ?? 'GET'} ${request.url ?? '/'} HTTP/${request.httpVersion}`]
  for (let n = 0; n + 1 < request.rawHeaders.length; n += 2) {
    const name = request.rawHeaders[n] ?? ''
    let value = request.rawHeaders[n + 1] ?? ''
    if (/^(upgrade|http2-settings)$/i.test(name)) continue
    if (/^connection$/i.test(name)) value = value.split(',').map(token => token.trim()).filter(token => !/^(upgrade|http2-settings)$/i.test(token)).join(', ')
    if (value !== '' || !/^connection$/i.test(name)) lines.push(`${name}: ${value}`)
  }
  socket.unshift(Buffer.concat([Buffer.from(lines.join('\r\n') + '\r\n\r\n', 'latin1'), head]))
  server.emit(server instanceof HttpsServer ? 'secureConnection' : 'connection', socket)
}
