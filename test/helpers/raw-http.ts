/** HTTP by hand over a socket: for what clients with manners never send. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'

export class RawClient {
  #received = ''
  #ended = false
  #changed: (() => void)[] = []

  private constructor (readonly socket: Socket) {
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => { this.#received += text; this.#wake() })
    socket.on('end', () => { this.#ended = true; this.#wake() })
    socket.on('close', () => { this.#ended = true; this.#wake() })
    socket.on('error', () => {})
  }

  /** Connects; the socket is destroyed after the test. */
  static async open (t: Test, port: number, host = '127.0.0.1'): Promise<RawClient> {
    const socket = connect({ port, host, allowHalfOpen: true })
    t.teardown(() => { socket.destroy() })
    await once(socket, 'connect')
    return new RawClient(socket)
  }

  /** Lines of a header; ends it with an empty line. */
  sendHeader (...lines: string[]): void {
    this.socket.write(lines.join('\r\n') + '\r\n\r\n')
  }

  get received (): string {
    return this.#received
  }

  /** Resolves when what was received matches; throws when the connection ended before. */
  async receive (pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#received)
      if (match !== null) return match
      if (this.#ended) throw new Error(`the connection ended with ${JSON.stringify(this.#received)}`)
      await new Promise<void>(resolve => { this.#changed.push(resolve) })
    }
  }

  /** Resolves when the server has ended its half. */
  async end (): Promise<void> {
    while (!this.#ended) await new Promise<void>(resolve => { this.#changed.push(resolve) })
  }

  #wake (): void {
    for (const resolve of this.#changed.splice(0)) resolve()
  }
}
