/**
 * socket.io with several processes on one port: a session of polling lives in the process that opened it, but each of its requests
 * may come to any of them. So the ID of a session begins with the name of its process, and a process that gets a request of another
 * one's session passes it on through a Unix socket.
 */
import { Agent, createServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { rm } from 'node:fs/promises'
import type { Duplex } from 'node:stream'
import { whenAnswered } from '../../routes/http/answer-end.js'
import { sessionOf } from './session-query.js'
import type { UpgradeHandler } from './upgrade-dispatcher.js'

export interface AffinityOptions {
  /** Name of this process among those of the port: letters, digits, `_` and `-`. */
  readonly worker: string
  /** A directory that only these processes may enter. */
  readonly directory: string
}

const separator = '.'
/** Fields about one connection, which say nothing of the next (RFC 9110 §7.6.1). */
const ofConnection: ReadonlySet<string> = new Set(['connection', 'keep-alive'])
/** The name becomes part of a path: nothing that could lead elsewhere. */
const named = /^([\w-]{1,32})\./

export class WorkerAffinity {
  readonly #options: AffinityOptions
  readonly #server: Server
  /** A process that closed its connection with its answer would turn the end of our request into an error, before the answer is read. */
  readonly #agent = new Agent({ keepAlive: true })

  /** `handle` and `upgrade` get what other processes pass on. */
  constructor (options: AffinityOptions, handle: (request: IncomingMessage, response: ServerResponse) => void, upgrade: UpgradeHandler) {
    if (!/^[\w-]{1,32}$/.test(options.worker)) throw new Error('The name of a worker is made of at most 32 letters, digits, "_" and "-"')
    this.#options = options
    this.#server = createServer(handle).on('upgrade', upgrade)
  }

  async listen (): Promise<void> {
    const path = this.#path(this.#options.worker)
    await rm(path, { force: true })
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(path, () => { resolve() })
    })
  }

  /** An ID of a session of this process. */
  mark (id: string): string {
    return this.#options.worker + separator + id
  }

  /** Passes a request on when its session is another process's. */
  forward (request: IncomingMessage, response: ServerResponse): boolean {
    const path = this.#elsewhere(request)
    if (path === undefined) return false
    const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !ofConnection.has(name)))
    const onward = httpRequest({ agent: this.#agent, socketPath: path, method: request.method, path: request.url, headers }, answer => {
      response.writeHead(answer.statusCode ?? 502, fieldsBeyondConnection(answer.rawHeaders))
      answer.pipe(response)
      // The other process has ended in the middle: nobody is to take half of an answer for all of it, or wait for the rest.
      answer.once('close', () => { if (!answer.complete) response.destroy() })
    })
    onward.on('error', () => {
      // The process is gone, and its sessions with it: engine.io's own words, on which clients begin a new one.
      if (!response.headersSent) response.writeHead(400, { 'content-type': 'application/json' })
      response.end('{"code":1,"message":"Session ID unknown"}')
    })
    whenAnswered(response, () => { onward.destroy() })
    request.pipe(onward)
    return true
  }

  /** The same for an upgrade. */
  forwardUpgrade (request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const path = this.#elsewhere(request)
    if (path === undefined) return false
    const lines = [`${request.method ?? 'GET'} ${request.url ?? '/'} HTTP/1.1`]
    for (let n = 0; n + 1 < request.rawHeaders.length; n += 2) lines.push(`${request.rawHeaders[n]}: ${request.rawHeaders[n + 1]}`)
    const onward = connect(path)
    onward.write(Buffer.concat([Buffer.from(lines.join('\r\n') + '\r\n\r\n', 'latin1'), head]))
    onward.pipe(socket).pipe(onward)
    onward.on('error', () => { socket.destroy() })
    onward.on('close', () => { socket.destroy() })
    socket.on('error', () => { onward.destroy() })
    socket.on('close', () => { onward.destroy() })
    return true
  }

  async close (): Promise<void> {
    this.#agent.destroy()
    await new Promise<void>(resolve => {
      this.#server.close(() => { resolve() })
      this.#server.closeAllConnections()
    })
  }

  /** Where the session of a request lives, when that is not here. */
  #elsewhere ({ url = '' }: IncomingMessage): string | undefined {
    const sid = sessionOf(url)
    const worker = sid === undefined ? undefined : named.exec(sid)?.[1]
    return worker === undefined || worker === this.#options.worker ? undefined : this.#path(worker)
  }

  #path (worker: string): string {
    return join(this.#options.directory, `${worker}.sock`)
  }
}

/** `rawHeaders` without the fields that are about the connection they came by. */
function fieldsBeyondConnection (rawHeaders: readonly string[]): string[] {
  const fields: string[] = []
  for (let n = 0; n + 1 < rawHeaders.length; n += 2) {
    const [name = '', value = ''] = rawHeaders.slice(n, n + 2)
    if (!ofConnection.has(name.toLowerCase())) fields.push(name, value)
  }
  return fields
}
