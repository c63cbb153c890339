/**
 * `Expect: 100-continue` (RFC 9110 §10.1.1). Node by itself invites the body before anybody has looked at the header. Here the
 * invitation goes out when a handler begins to read the body, so that a request that is refused (401, 412, 413 …) costs no upload.
 * URLs outside the prefixes of this plugin are invited at once, as Node does. A server whose `checkContinue` somebody else handles
 * is left alone.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

const kPrefixes = Symbol('fastify-cdmi.expect-continue')
/** Requests whose clients wait for the invitation. */
const waiting = new WeakSet<IncomingMessage>()

type WatchedServer = Server & { [kPrefixes]?: Set<string> }

async function expectContinue (app: FastifyInstance): Promise<void> {
  const server: WatchedServer = app.server
  const known = server[kPrefixes]
  const prefix = app.prefix.replace(/\/$/, '')
  if (known !== undefined) {
    known.add(prefix)
    return
  }
  if (server.listenerCount('checkContinue') > 0) return
  const prefixes = server[kPrefixes] = new Set([prefix])
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (isBelow(request.url ?? '/', prefixes)) inviteOnRead(request, response)
    else response.writeContinue()
    server.emit('request', request, response)
  })
}

/** True while the client of this request waits to be asked for its body: it has sent nothing of it, and may never do. */
export function awaitsContinue (request: IncomingMessage): boolean {
  return waiting.has(request)
}

function isBelow (url: string, prefixes: ReadonlySet<string>): boolean {
  const path = url.split('?', 1)[0] ?? ''
  for (const prefix of prefixes) {
    if (path === prefix || path.startsWith(prefix + '/')) return true
  }
  return false
}

/** A stream calls `_read` when, and only when, somebody wants its data. */
function inviteOnRead (request: IncomingMessage, response: ServerResponse): void {
  waiting.add(request)
  const read = request._read
  request._read = function (size) {
    if (waiting.delete(request) && !response.headersSent && !response.writableEnded) response.writeContinue()
    request._read = read
    read.call(request, size)
  }
}

export default fp(expectContinue, { name: 'fastify-cdmi-expect-continue', fastify: '5.x' })
