/** Whose certificate is at the other end of a connection? Only one that the TLS server has verified says anything. */
import type { Socket } from 'node:net'
import { type PeerCertificate, TLSSocket } from 'node:tls'

/** By connection: what a handshake has shown stays. */
const names = new WeakMap<Socket, string | undefined>()

/** The common name, when there is exactly one; undefined without a valid certificate. */
export function certifiedName (socket: Socket): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined
  if (names.has(socket)) return names.get(socket)
  // Of a connection that has ended there is none, whatever the types say; and two common names come as a list.
  const certificate: PeerCertificate | null = socket.getPeerCertificate()
  const name: unknown = Reflect.get(certificate?.subject ?? {}, 'CN')
  const known = typeof name === 'string' && name !== '' ? name : undefined
  names.set(socket, known)
  return known
}
