/**
 * The end of a server: connections on which nothing is going on are closed at once, the others when their last answer is out, and what
 * is left after a while is cut. Node alone would wait for clients that opened a connection and never said a word.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import { UpgradeDispatcher } from '../plugins/sockets/upgrade-dispatcher.js'
import { whenAnswered } from '../routes/http/answer-end.js'

export class Connections {
  /** Answers by connection that were under way when somebody looked last; few look. */
  readonly #busy = new Map<Socket, ServerResponse[]>()
  /** Connections that became something else (WebSocket): whoever made them ends them. */
  readonly #upgraded = new Set<Socket>()
  /** TLS connections before the end of their handshake, by the address of the client: Node says no more of them. */
  readonly #shaking = new Map<string, Socket>()
  #draining = false
  #ended: (() => void) | undefined

  constructor (server: Server) {
    if (server instanceof TlsServer) {
      server.on('connection', (socket: Socket) => { this.#shake(socket) })
      server.on('secureConnection', (socket: Socket) => {
        this.#shaking.delete(addressOf(socket))
        this.#add(socket)
      })
    } else server.on('connection', (socket: Socket) => { this.#add(socket) })
    server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => { this.#begin(request.socket, response) })
    UpgradeDispatcher.of(server).watch(socket => {
      this.#busy.delete(socket)
      this.#upgraded.add(socket)
      socket.once('close', () => {
        this.#upgraded.delete(socket)
        this.#closed()
      })
    })
  }

  get draining (): boolean {
    return this.#draining
  }

  /** True while a request that came whole has no answer, and while an answer is only half out. */
  isAnswering (socket: Socket): boolean {
    return this.#answersOf(socket).some(({ headersSent, req }) => headersSent || req.complete)
  }

  /** True while a request still comes in that has its answer already. */
  isAnswered (socket: Socket): boolean {
    const last = this.#busy.get(socket)?.at(-1)
    return last?.closed === true && !last.req.complete
  }

  /** Ends a connection from which nothing more can come, but only after the answers that are under way. */
  endAfterAnswers (socket: Socket): void {
    for (const response of this.#answersOf(socket)) this.#endAfter(socket, response)
  }

  /**
   * What a request has to wait for: the answer to the one before it on its connection, for Node hands requests over as they come in, and of two
   * at once the second one might be done first (RFC 9112 §9.3.2). Undefined: nothing. Resolves with false when the connection has ended with that.
   */
  turnOf (response: ServerResponse): Promise<boolean> | undefined {
    const responses = this.#busy.get(response.req.socket)
    if (responses === undefined || responses.length < 2) return undefined
    const before = responses[responses.indexOf(response) - 1]
    return before === undefined || before.closed ? undefined : afterwards(before)
  }

  /**
   * Ends what is idle, and the rest as it becomes idle. Resolves with the number of connections that were cut after `milliseconds`.
   */
  async drain (milliseconds: number): Promise<number> {
    this.#draining = true
    for (const socket of this.#shaking.values()) socket.destroy()
    for (const socket of this.#busy.keys()) {
      const responses = this.#answersOf(socket)
      if (responses.length === 0) socket.destroySoon()
      for (const response of responses) this.#endAfter(socket, response)
    }
    if (this.#isEmpty()) return 0
    let timer: NodeJS.Timeout | undefined
    const ended = new Promise<void>(resolve => { this.#ended = resolve })
    const late = new Promise<void>(resolve => { timer = setTimeout(resolve, milliseconds) })
    await Promise.race([ended, late])
    clearTimeout(timer)
    const left = [...this.#busy.keys(), ...this.#upgraded]
    for (const socket of left) socket.destroy()
    return left.length
  }

  #isEmpty (): boolean {
    return this.#busy.size === 0 && this.#upgraded.size === 0
  }

  #shake (socket: Socket): void {
    const address = addressOf(socket)
    this.#shaking.set(address, socket)
    socket.once('close', () => { this.#shaking.delete(address) })
  }

  #add (socket: Socket): void {
    if (this.#draining) {
      socket.destroy()
      return
    }
    this.#busy.set(socket, [])
    socket.once('close', () => {
      this.#busy.delete(socket)
      this.#closed()
    })
  }

  #closed (): void {
    if (this.#isEmpty()) this.#ended?.()
  }

  /** Those that are under way. */
  #answersOf (socket: Socket): readonly ServerResponse[] {
    return this.#busy.get(socket)?.filter(({ closed }) => !closed) ?? []
  }

  #begin (socket: Socket, response: ServerResponse): void {
    const responses = this.#busy.get(socket)
    if (responses === undefined) return
    // Mostly one that has ended. To be told of each end would cost every request more than to look here.
    if (responses.length > 0) responses.splice(0, responses.length, ...responses.filter(({ closed }) => !closed))
    responses.push(response)
    if (this.#draining) this.#endAfter(socket, response)
  }

  /** The connection ends with its last answer, of which this is one. */
  #endAfter (socket: Socket, response: ServerResponse): void {
    if (!response.headersSent) response.setHeader('connection', 'close')
    response.once('close', () => {
      if (this.#answersOf(socket).length === 0) socket.destroySoon()
    })
  }
}

async function afterwards (response: ServerResponse): Promise<boolean> {
  const { socket } = response.req
  await new Promise<void>(resolve => { whenAnswered(response, resolve) })
  return response.shouldKeepAlive && !socket.destroyed
}

function addressOf ({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
