/** A client of all doors: so many connections for HTTP, and some WebSockets. */
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { Pool } from 'undici'
import WebSocket from 'ws'
import type { BenchServer } from './child-server.js'
import type { Asked } from './request-mix.js'

const socketCount = 8

interface Answer {
  readonly id: number
  readonly status: number
  readonly error?: string
}

export class AskingClient {
  readonly #server: BenchServer
  readonly #pool: Pool
  readonly #sockets: WebSocket[] = []
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  #messages = 0

  private constructor (server: BenchServer, connections: number) {
    this.#server = server
    this.#pool = new Pool(server.url, { connections, headersTimeout: 60_000, bodyTimeout: 60_000 })
  }

  static async open (server: BenchServer, connections: number): Promise<AskingClient> {
    const client = new AskingClient(server, connections)
    while (client.#sockets.length < socketCount) client.#sockets.push(await client.#socket())
    return client
  }

  /** Throws when the answer is no success. */
  async ask (asked: Asked): Promise<void> {
    if (asked.door === 'WebSocket') await this.#send(asked)
    else if (asked.breaksOff === true) await this.#breakOff(asked)
    else await this.#request(asked)
  }

  async close (): Promise<void> {
    for (const socket of this.#sockets) socket.terminate()
    await this.#pool.destroy()
  }

  async #request ({ method, path, headers, body, answered }: Asked): Promise<void> {
    const answer = await this.#pool.request({ method: method as 'GET', path, headers: { ...this.#authorization(), ...headers }, body: body ?? null })
    if (answer.statusCode >= 300 || answered !== undefined) {
      const text = await answer.body.text()
      if (answer.statusCode >= 300) throw new Error(`${method} ${path} answered ${answer.statusCode}: ${text.slice(0, 200)}`)
      answered?.(text)
    } else {
      // Nothing but thrown away.
      await answer.body.dump({ limit: Infinity })
    }
  }

  /** In the middle of what goes up, or of what comes down. */
  async #breakOff ({ method, path, headers, body }: Asked): Promise<void> {
    const stop = new AbortController()
    async function * half (bytes: Buffer): AsyncGenerator<Buffer> {
      yield bytes.subarray(0, bytes.length >> 1)
      await new Promise(resolve => setImmediate(resolve))
      stop.abort()
      yield bytes.subarray(bytes.length >> 1)
    }
    try {
      const length = body === undefined ? {} : { 'content-length': String(body.length) }
      const answer = await this.#pool.request({ method: method as 'GET', path, headers: { ...this.#authorization(), ...headers, ...length }, body: body instanceof Buffer ? Readable.from(half(body)) : null, signal: stop.signal })
      answer.body.once('data', () => { stop.abort() })
      await once(answer.body, 'close')
    } catch (error) {
      if (!stop.signal.aborted) throw error
    }
  }

  async #send ({ method, path, body }: Asked): Promise<void> {
    const id = this.#messages++
    const socket = this.#sockets[id % this.#sockets.length]
    if (socket === undefined) throw new Error('there is no socket')
    const answer = await new Promise<Answer>(resolve => {
      this.#waiting.set(id, resolve)
      socket.send(JSON.stringify({ id, method, url: path, ...body !== undefined && { data: JSON.parse(body.toString()) } }))
    })
    if (answer.status >= 300) throw new Error(`${method} ${path} over a WebSocket answered ${answer.status}: ${answer.error}`)
  }

  async #socket (): Promise<WebSocket> {
    const socket = new WebSocket(`${this.#server.url.replace('http', 'ws')}/ws`, { headers: this.#authorization() })
    socket.on('message', (data: Buffer) => {
      const answer = JSON.parse(data.toString()) as Answer
      this.#waiting.get(answer.id)?.(answer)
      this.#waiting.delete(answer.id)
    })
    await once(socket, 'open')
    return socket
  }

  #authorization (): { authorization?: string } {
    const { authorization } = this.#server
    return authorization === undefined ? {} : { authorization }
  }
}
