/**
 * Answers to what is not HTTP, or too slow or too long a header: by hand, for there is no request yet. What went wrong below HTTP (a TLS
 * handshake that failed or took too long, a connection that broke) can have no answer, and must not wait for one to go out.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { reasonPhrase } from '../cdmi/describe-error.js'
import type { Connections } from './connections.js'
import { type ParserError, UnknownMethods } from './unknown-methods.js'

interface Answer { readonly status: number, readonly detail: string, readonly code?: string }

const malformed: Answer = { status: 400, detail: 'This is not a valid HTTP request' }
/** RFC 9110 §9.1: no resource here has it. */
const unknownMethod: Answer = { status: 501, detail: 'The method of the request is none that this server knows' }
/** Its target is no resource of ours, so that there is nothing to be said of other methods. */
const noProxy: Answer = { status: 501, detail: 'This server is no proxy: it does not know the method CONNECT' }
const answers: Readonly<Record<string, Answer>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, detail: 'The request, or its header, did not arrive in time' },
  HPE_INVALID_EOF_STATE: { status: 400, detail: 'The connection ended before the request did; nothing was done' },
  HPE_HEADER_OVERFLOW: { status: 431, detail: 'The header of the request is too long' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, detail: 'The chunk extensions of the body are too long' }
}

/** Fastify's `clientErrorHandler`. Nothing may get into an answer to a request before that is still under way, or in the way of it. */
export function clientErrorHandler (connections: () => Pick<Connections, 'endAfterAnswers' | 'isAnswered'>) {
  const methods = new UnknownMethods()
  const waiting = new WeakSet<Socket>()
  return function (this: FastifyInstance, error: ParserError, socket: Socket): void {
    const { code = '' } = error
    this.log.debug({ code }, 'not a request')
    if (!/^(HPE_|ERR_HTTP_)/.test(code)) {
      socket.destroy()
      return
    }
    const isRequest = methods.isRequest(socket, error)
    if (isRequest === undefined) {
      if (waiting.has(socket)) return
      waiting.add(socket)
      socket.prependOnceListener('end', () => { connections().endAfterAnswers(socket, rawAnswer(malformed)) })
      return
    }
    // Behind its last request a client may send what it likes; and another answer to a request that has one would be taken for that to the next.
    const isSaid = code === 'HPE_CLOSED_CONNECTION' || connections().isAnswered(socket)
    connections().endAfterAnswers(socket, isSaid ? undefined : rawAnswer(isRequest ? unknownMethod : answers[code] ?? malformed))
  }
}

/** For `connect` of a server: Node would close the connection without a word. */
export function refuseTunnel (connections: Pick<Connections, 'endAfterAnswers'>) {
  return function ({ socket }: IncomingMessage): void {
    // Node takes its own listeners off before it gives the connection away: without them a client that has gone would end the process, and one that does not read its answers would keep the connection.
    socket.on('error', () => {})
    socket.on('timeout', () => { socket.destroy() })
    connections.endAfterAnswers(socket, rawAnswer(noProxy))
  }
}

/** A whole answer, after which the connection ends. */
export function rawAnswer ({ status, detail, code = `HTTP_${status}` }: Answer, headers: Readonly<Record<string, string>> = {}): string {
  const body = JSON.stringify({ type: 'about:blank', title: reasonPhrase(status), status, detail, code })
  const lines = Object.entries({ ...headers, 'Content-Type': 'application/problem+json', 'X-Content-Type-Options': 'nosniff', 'Content-Length': String(Buffer.byteLength(body)), Connection: 'close' })
  return `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`
}
