/**
 * So many connections and no more. One on top gets an answer at once, before anything of it is read, and its end: Node alone would cut it without a
 * word, and of several processes on one port would hand it round for ever.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import { rawAnswer } from './client-error.js'

/** Milliseconds that a refused client has to read its answer and go. */
const farewell = 1000

const full = { status: 503, code: 'CDMI_OVERLOADED', detail: 'The server has as many connections as it takes; nothing was done. Try again in a moment' }

/** `most` 0: no limit. `refused` is told of each. */
export function limitConnections (server: Server, most: number, refused: () => void): void {
  if (most === 0) return
  const secure = server instanceof TlsServer
  /** An upgrade that nobody takes comes back as a connection. */
  const known = new WeakSet<Socket>()
  let open = 0
  const { emit } = server
  // Only by way of `emit` can a connection be kept from the parser.
  server.emit = function (this: Server, ...given: [event: string | symbol, ...values: unknown[]]): boolean {
    const socket = given[1]
    if (given[0] === 'connection' && isSocket(socket) && !known.has(socket)) {
      if (open >= most) {
        refused()
        refuse(socket, secure)
        return true
      }
      known.add(socket)
      open++
      socket.once('close', () => { open-- })
    }
    return emit.apply(this, given as Parameters<Server['emit']>)
  } as Server['emit']
}

function isSocket (value: unknown): value is Socket {
  return typeof value === 'object' && value !== null && 'destroySoon' in value
}

/** In the middle of a handshake there is nothing that could be said. */
function refuse (socket: Socket, secure: boolean): void {
  socket.on('error', () => {})
  if (secure) {
    socket.destroy()
    return
  }
  socket.end(rawAnswer(full, { 'Retry-After': '1' }))
  // What the client has sent must not turn its answer into a reset.
  socket.resume()
  const timer = setTimeout(() => { socket.destroy() }, farewell)
  socket.once('close', () => { clearTimeout(timer) })
  socket.once('end', () => { socket.destroy() })
}
