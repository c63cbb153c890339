/** Plain WebSocket: each text frame is a message, each message gets one text frame as its answer. */
import type { WebSocket } from '@fastify/websocket'
import { InvalidJson, InvalidRequest, TooLarge } from '../../cdmi/errors.js'
import type { Caller } from './caller.js'
import { closing, type SocketContext } from './context.js'
import { Flow, type Job } from './flow.js'
import { refused, toText, understand, type Work, worked } from './messages.js'

/** Milliseconds that a client has to close its side. */
const closeTime = 1000

/** All open sockets of one instance of the plugin. */
export class WebSocketDoor {
  readonly #context: SocketContext
  readonly #sockets = new Map<WebSocket, Flow>()
  readonly #silent = new WeakSet<WebSocket>()
  readonly #heart: NodeJS.Timeout

  constructor (context: SocketContext) {
    this.#context = context
    this.#heart = setInterval(() => { this.#beat() }, context.limits.heartbeat).unref()
  }

  serve (socket: WebSocket, caller: Caller): void {
    const { limits } = this.#context
    const flow = new Flow({
      limit: limits.messagesInFlight,
      hasRoom: () => socket.bufferedAmount <= limits.frame,
      setPaused: paused => { if (paused) socket.pause(); else socket.resume() }
    })
    this.#sockets.set(socket, flow)
    const closed = this.#context.count?.opened('websocket')
    const idle = setTimeout(() => {
      socket.close(closing.idle, `No message for ${limits.socketIdle} ms`)
      endLater(socket)
    }, limits.socketIdle).unref()
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      idle.refresh()
      flow.push(() => this.#job(socket, data, isBinary, caller))
    })
    socket.on('pong', () => { this.#silent.delete(socket) })
    socket.on('close', () => {
      clearTimeout(idle)
      flow.close()
      closed?.()
      this.#sockets.delete(socket)
    })
  }

  #job (socket: WebSocket, data: Buffer, isBinary: boolean, caller: Caller): Job {
    const work = this.#understand(data, isBinary, caller)
    return {
      subject: work.subject,
      run: async () => {
        const text = toText(await worked(this.#context, 'websocket', work))
        // The callback comes when the answer has gone to the operating system, or with the error that it cannot.
        return { left: new Promise<void>(resolve => { socket.send(text, () => { resolve() }) }) }
      }
    }
  }

  #understand (data: Buffer, isBinary: boolean, caller: Caller): Work {
    const context = this.#context
    if (isBinary) return refused(context, new InvalidRequest('Messages are text frames of JSON, not binary ones'))
    if (data.length > context.limits.frame) return refused(context, new TooLarge(`The message is longer than ${context.limits.frame} bytes, the limit of this server`))
    let message: unknown
    try {
      message = JSON.parse(data.toString())
    } catch {
      return refused(context, new InvalidJson('The message is not valid JSON'))
    }
    return understand(context, message, caller)
  }

  #beat (): void {
    for (const socket of this.#sockets.keys()) {
      if (this.#silent.has(socket) && !socket.isPaused) socket.terminate()
      else if (socket.readyState === socket.OPEN) {
        this.#silent.add(socket)
        socket.ping()
      }
    }
  }

  /** Answers what is under way (for at most `grace` milliseconds), then says good-bye to all. */
  async close (grace: number): Promise<void> {
    clearInterval(this.#heart)
    await Promise.all(Array.from(this.#sockets, async ([socket, flow]) => {
      socket.pause()
      await within(grace, flow.drained())
      flow.close()
      const closed = new Promise<void>(resolve => { socket.once('close', () => { resolve() }) })
      socket.resume()
      if (socket.readyState === socket.CLOSED) return
      socket.close(closing.goingAway, 'The server is closing')
      endLater(socket)
      await closed
    }))
  }
}

/** Ends a connection whose client does not close its side. */
export function endLater (socket: WebSocket): void {
  const timer = setTimeout(() => { socket.terminate() }, closeTime)
  socket.once('close', () => { clearTimeout(timer) })
}

/** Waits, but not for ever. */
export async function within (milliseconds: number, done: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  await Promise.race([done, new Promise(resolve => { timer = setTimeout(resolve, milliseconds) })])
  clearTimeout(timer)
}
