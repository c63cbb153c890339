/** Whose certificate is at the other end of a connection? Only one that the TLS server has verified says anything. */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/** By connection: what a handshake has shown stays. */
const names = new WeakMap<Socket, string | undefined>()

/** The common name, when there is exactly one; undefined without a valid certificate. */
export function certifiedName (socket: Socket): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined
  if (names.has(socket)) return names.get(socket)
  // Two common names come as a list, whatever the types say.
  const name: unknown = Reflect.get(socket.getPeerCertificate().subject ?? {}, 'CN')
  const known = typeof name === 'string' && name !== '' ? name : undefined
  names.set(socket, known)
  return known
}
