/**
 * Answers that go out while the body of their request is still coming in (a refused upload). Closing the connection at once would
 * reset it and take the answer away before the client has read it; reading the body to its end would cost the whole upload.
 * So (RFC 9112 §9.6): answer with `Connection: close`, end our half of the connection, go on reading for a bounded number of bytes and
 * a bounded time, then destroy it. A short declared body is drained and the connection kept.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { awaitsContinue } from './expect-continue.js'

/** Declared bodies up to so many bytes are read to their end, and the connection lives on. */
const shortBody = 64 * 1024
/** Bytes that are read and dropped after an early answer. */
const lingerBytes = 1024 * 1024
/** Milliseconds after an early answer until the connection is destroyed, whether the client has closed it or not. */
const lingerTime = 2000

const kAnswerEarly = Symbol('fastify-cdmi.answer-early')

async function earlyAnswer (app: FastifyInstance): Promise<void> {
  if (app.hasDecorator(kAnswerEarly)) return
  app.decorate(kAnswerEarly, true)
  app.addHook('onSend', (request, reply, payload, done) => {
    if (request.raw.complete === false) partEarly(request, reply)
    done(null, payload)
  })
}

/** To be called before the header of an answer is written, where the hook above does not run. */
export function partEarly (request: FastifyRequest, reply: FastifyReply): void {
  const { raw } = request
  if (raw.complete || !hasBody(raw)) return
  if (Number(raw.headers['content-length']) <= shortBody && !awaitsContinue(raw)) {
    reply.raw.once('finish', () => raw.resume())
    return
  }
  reply.header('connection', 'close')
  endGently(raw.socket)
  // Before Node's own listener, which would have the body dumped without a bound.
  reply.raw.prependOnceListener('finish', () => drain(raw))
}

function hasBody (raw: IncomingMessage): boolean {
  return raw.headers['transfer-encoding'] !== undefined || Number(raw.headers['content-length']) > 0
}

/** Node calls `destroySoon` when an answer with `Connection: close` is out; from now on that ends our half only, and the rest in a while. */
export function endGently (socket: Socket): void {
  socket.destroySoon = () => {
    if (socket.destroyed) return
    socket.end()
    const timer = setTimeout(() => socket.destroy(), lingerTime)
    socket.once('close', () => clearTimeout(timer))
  }
}

/** Reads and drops what comes, up to the bound; then lets the client wait for the end. */
function drain (raw: IncomingMessage): void {
  const { socket } = raw
  const limit = socket.bytesRead + lingerBytes
  raw.read(0)
  raw.on('data', () => { if (socket.bytesRead > limit) raw.pause() })
  const allRead = (): void => {
    Reflect.deleteProperty(socket, 'destroySoon')
    socket.destroySoon()
  }
  if (raw.readableEnded) return allRead()
  raw.once('end', allRead)
  raw.once('error', () => socket.destroy())
  raw.resume()
}

export default fp(earlyAnswer, { name: 'fastify-cdmi-early-answer', fastify: '5.x' })
