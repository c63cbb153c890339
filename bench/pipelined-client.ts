/** A client that costs next to nothing: the same request many times in one write, and no more than a look at the first line of each answer. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Begins an answer, and is in no body of ours. */
const sign = 'HTTP/1.1 '

export class PipelinedClient {
  readonly #socket: Socket
  readonly #request: string
  #tail = ''
  #left = 0
  #done: (error?: Error) => void = () => {}

  private constructor (socket: Socket, request: string) {
    this.#socket = socket
    this.#request = request
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => { this.#look(text) })
    socket.on('error', error => { this.#done(error) })
    socket.on('close', () => { this.#done(new Error('the server closed the connection')) })
  }

  static async open (port: number, request: string): Promise<PipelinedClient> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new PipelinedClient(socket, request)
  }

  /** Resolves when so many were answered with 200. */
  async ask (count: number, atOnce: number): Promise<void> {
    for (let left = count; left > 0; left -= atOnce) {
      await new Promise<void>((resolve, reject) => {
        this.#left = Math.min(left, atOnce)
        this.#done = error => { if (error === undefined) resolve(); else reject(error) }
        this.#socket.write(this.#request.repeat(this.#left))
      })
    }
  }

  close (): void {
    this.#done = () => {}
    this.#socket.destroy()
  }

  #look (text: string): void {
    const all = this.#tail + text
    let at = all.indexOf(sign)
    // Of a first line that is cut, the rest is in the next piece.
    for (; at >= 0 && at + sign.length + 3 <= all.length; at = all.indexOf(sign, at + 1)) {
      const status = all.slice(at + sign.length, at + sign.length + 3)
      if (status !== '200') this.#done(new Error(`a request was answered with ${status}`))
      this.#left--
    }
    this.#tail = at >= 0 ? all.slice(at) : all.slice(1 - sign.length)
    if (this.#left === 0) this.#done()
  }
}
