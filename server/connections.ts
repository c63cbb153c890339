/**
 * The end of a server. First each answer says that it is the last of its connection, and requests are still taken for as long as the operator wants: a balancer may have sent one before it
 * looks who is ready. Then connections on which nothing is going on are closed at once, the others when their last answer is out, and what is left after a while is cut. Node alone would wait
 * for clients that opened a connection and never said a word.
 */
import { type Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setImmediate, setTimeout as wait } from 'node:timers/promises'
import { Server as TlsServer } from 'node:tls'
import { endGently } from '../plugins/early-answer.js'
import { UpgradeDispatcher } from '../plugins/sockets/upgrade-dispatcher.js'
import { whenAnswered } from '../routes/http/answer-end.js'

/**
 * Requests of one connection that may wait for the answers before them: beyond the first number nothing more is read meanwhile. What had come already may
 * be many more, and each costs memory; beyond the second number none is looked at, and the connection ends with the answers.
 */
const mostRead = 16
const mostWaiting = 256
/** Turns of the event loop in which what has come already is seen: a connection is accepted in one, and its request read in the next. The first one may have begun. */
const turns = 3

export class Connections {
  /** Answers by connection that were under way when somebody looked last; few look. */
  readonly #busy = new Map<Socket, ServerResponse[]>()
  /** Connections that became something else (WebSocket): whoever made them ends them. */
  readonly #upgraded = new Set<Socket>()
  /** TLS connections before the end of their handshake, by the address of the client: Node says no more of them. */
  readonly #shaking = new Map<string, Socket>()
  /** Connections of which nothing is read for now, and those that have sent too much at once. */
  readonly #held = new WeakSet<Socket>()
  readonly #full = new WeakSet<Socket>()
  /** Answers with which their connections end. */
  readonly #last = new WeakSet<ServerResponse>()
  #draining = false
  #refusing = false
  #ended: (() => void) | undefined

  constructor (server: Server) {
    if (server instanceof TlsServer) {
      server.on('connection', (socket: Socket) => { this.#shake(socket) })
      server.on('secureConnection', (socket: Socket) => {
        this.#shaking.delete(addressOf(socket))
        this.#add(socket)
      })
    } else server.on('connection', (socket: Socket) => { this.#add(socket) })
    // With a server's `close` Node would cut connections, too, in the middle of answers: it takes one for idle as soon as the last bytes of its answer have been handed over, sent or not.
    server.closeIdleConnections = () => {}
    const { emit } = server
    const begin = (response: ServerResponse): boolean => this.#begin(response.req.socket, response)
    // Only by way of `emit` can a request be kept from those who would work on it.
    server.emit = function (this: Server, ...given: [event: string | symbol, ...values: unknown[]]): boolean {
      if (given[0] === 'request' && given[2] instanceof ServerResponse && !begin(given[2])) return true
      return emit.apply(this, given as Parameters<Server['emit']>)
    } as Server['emit']
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

  /** True while a request still comes in that has its answer already. */
  isAnswered (socket: Socket): boolean {
    const last = this.#busy.get(socket)?.at(-1)
    return last?.closed === true && !last.req.complete
  }

  /**
   * Ends a connection from which nothing more can come, but only after the answers to the requests that have come whole. `words`: what else is to be said, as a
   * last answer. Undefined: the answers have said all.
   */
  endAfterAnswers (socket: Socket, words?: string): void {
    if (!socket.writable) return
    // What is not read yet would turn the answers into a reset.
    endGently(socket)
    // What has begun behind it will never come to its end.
    const last = this.#answersOf(socket).findLast(isOwed)
    const end = (): void => {
      if (words !== undefined && socket.writable && last?.req.complete !== false) socket.write(words)
      socket.destroySoon()
    }
    if (last === undefined) end()
    else this.#endWith(last, end, words === undefined)
  }

  /**
   * What a request has to wait for: the answer to the one before it on its connection, for Node hands requests over as they come in, and of two
   * at once the second one might be done first (RFC 9112 §9.3.2). Undefined: nothing. Resolves with false when the connection has ended with that.
   */
  turnOf (response: ServerResponse): Promise<boolean> | undefined {
    const responses = this.#busy.get(response.req.socket)
    if (responses === undefined || responses.length < 2) return undefined
    const before = responses[responses.lastIndexOf(response) - 1]
    return before === undefined || before.closed ? undefined : afterwards(before)
  }

  /** Takes what has come already, and what comes for so long, while each connection ends with its next answer. */
  async finish (milliseconds: number): Promise<void> {
    this.#draining = true
    // Where an answer has begun without saying so the next one does.
    for (const socket of this.#busy.keys()) if (this.#answersOf(socket).at(-1)?.headersSent === false) this.#endSoon(socket)
    if (milliseconds > 0) await wait(milliseconds)
    for (let turn = 0; turn < turns; turn++) await setImmediate()
  }

  /**
   * Ends what is idle, and the rest as it becomes idle. Resolves with the number of connections that were cut after `milliseconds`.
   */
  async drain (milliseconds: number): Promise<number> {
    this.#draining = this.#refusing = true
    for (const socket of this.#shaking.values()) socket.destroy()
    for (const socket of this.#busy.keys()) if (!this.#endSoon(socket)) socket.destroySoon()
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
    if (this.#refusing) {
      socket.destroy()
      return
    }
    // An upgrade that nobody wants comes back as a connection.
    if (this.#busy.has(socket)) return
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

  /** False: nobody is to work on it. */
  #begin (socket: Socket, response: ServerResponse): boolean {
    const responses = this.#busy.get(socket)
    if (responses === undefined) return true
    // Mostly one that has ended: they do so in their order. To be told of each end would cost every request more than to look here.
    while (responses[0]?.closed === true) responses.shift()
    if (this.#full.has(socket)) {
      socket.pause()
      return false
    }
    // An answer has said that it is the last, and the rest of its request was read only to be dropped.
    if (!socket.writable) return false
    responses.push(response)
    const [first] = responses
    if (responses.length > mostRead && first !== undefined) this.#holdBack(socket, first)
    if (responses.length >= mostWaiting) {
      this.#full.add(socket)
      // What was not read would turn the last answers into a reset.
      endGently(socket)
    }
    if (this.#draining || responses.length >= mostWaiting) this.#endAfter(socket, response)
    return true
  }

  /** Nothing more is read before the first answer is out. */
  #holdBack (socket: Socket, first: ServerResponse): void {
    // Each time: who reads a body has the connection read on.
    socket.pause()
    if (this.#held.has(socket)) return
    this.#held.add(socket)
    whenAnswered(first, () => {
      this.#held.delete(socket)
      // Behind an upgrade nobody listens yet: what came would be lost.
      if (!this.#full.has(socket) && socket.listenerCount('data') > 0) socket.resume()
    })
  }

  /** The connection ends with the last answer that is under way; false: there is none. */
  #endSoon (socket: Socket): boolean {
    const last = this.#answersOf(socket).at(-1)
    if (last !== undefined) this.#endAfter(socket, last)
    return last !== undefined
  }

  /** The connection ends with this answer, or with those behind it when that could not be said in it any more. */
  #endAfter (socket: Socket, response: ServerResponse): void {
    this.#endWith(response, () => {
      if (this.#answersOf(socket).length === 0) socket.destroySoon()
    })
  }

  /** `says`: in this answer, that it is the last. No other may say so: those behind it would not be sent. */
  #endWith (last: ServerResponse, end: () => void, says = true): void {
    // What is wrong with a connection is told again with every piece of it that comes.
    if (this.#last.has(last)) return
    this.#last.add(last)
    if (says && !last.headersSent) last.setHeader('connection', 'close')
    whenAnswered(last, end)
  }
}

/** Whether its request has come whole, or it is half out. */
function isOwed ({ headersSent, req }: ServerResponse): boolean {
  return headersSent || req.complete
}

async function afterwards (response: ServerResponse): Promise<boolean> {
  const { socket } = response.req
  await new Promise<void>(resolve => { whenAnswered(response, resolve) })
  return response.shouldKeepAlive && socket.writable
}

function addressOf ({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
