/** The two doors of a load that are sockets: one connection each, on which requests of all workers go and come in any order. */
import { once } from 'node:events'
import { io, type Socket } from 'socket.io-client'
import { WebSocket } from 'ws'

export const socketDoors = ['WebSocket', 'socket.io'] as const
export type SocketDoor = typeof socketDoors[number]

export interface SocketMessage {
  readonly method: string
  readonly url: string
  readonly data?: unknown
}

export interface SocketAnswer {
  readonly id: number | string
  readonly status: number
  readonly error?: string
  readonly retryAfter?: number
}

interface Asked {
  answered (answer: SocketAnswer): void
  lost (): void
}

/** Milliseconds. */
const patience = 60_000

export class LoadSockets {
  readonly #webSocket: WebSocket
  readonly #socketIo: Socket
  readonly #asked = new Map<number | string, Asked>()
  #ids = 0

  private constructor (webSocket: WebSocket, socketIo: Socket) {
    this.#webSocket = webSocket
    this.#socketIo = socketIo
    webSocket.on('message', (text: Buffer) => { this.#take(JSON.parse(text.toString()) as SocketAnswer) })
    socketIo.on('http message', (answer: SocketAnswer) => { this.#take(answer) })
    // Each has requests of its own, but both end with the server.
    webSocket.on('close', () => { this.#lose() })
    webSocket.on('error', () => { this.#lose() })
    socketIo.on('disconnect', () => { this.#lose() })
  }

  static async open ({ origin, authorization = '' }: { readonly origin: string, readonly authorization?: string }): Promise<LoadSockets> {
    const webSocket = new WebSocket(origin.replace('http', 'ws') + '/ws', { headers: { authorization } })
    const socketIo = io(origin, { transports: ['websocket'], forceNew: true, reconnection: false, extraHeaders: { authorization } })
    await Promise.all([
      once(webSocket, 'open'),
      new Promise<void>((resolve, reject) => {
        socketIo.once('connect', resolve)
        socketIo.once('connect_error', reject)
      })
    ])
    return new LoadSockets(webSocket, socketIo)
  }

  /** Rejects like a connection that the other end has reset. `id`: one that was never used here. */
  async ask (door: SocketDoor, message: SocketMessage, id: number | string = ++this.#ids): Promise<SocketAnswer> {
    return await new Promise((resolve, reject) => {
      const late = setTimeout(() => { reject(new Error(`no answer to ${message.method} ${message.url} over ${door}`)) }, patience)
      const lost = (): void => {
        clearTimeout(late)
        reject(Object.assign(new Error('the socket was closed'), { code: 'ECONNRESET' }))
      }
      const answered = (answer: SocketAnswer): void => {
        clearTimeout(late)
        resolve(answer)
      }
      if (this.#webSocket.readyState !== WebSocket.OPEN || !this.#socketIo.connected) return lost()
      this.#asked.set(id, { answered, lost })
      if (door === 'WebSocket') this.#webSocket.send(JSON.stringify({ ...message, id }))
      else this.#socketIo.emit('http message', { ...message, id })
    })
  }

  close (): void {
    this.#webSocket.terminate()
    this.#socketIo.disconnect()
    this.#lose()
  }

  #take (answer: SocketAnswer): void {
    this.#asked.get(answer.id)?.answered(answer)
    this.#asked.delete(answer.id)
  }

  #lose (): void {
    for (const { lost } of this.#asked.values()) lost()
    this.#asked.clear()
  }
}
