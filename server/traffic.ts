/** Bytes and connections of a server. Each connection counts its bytes by itself; nothing here is done for a request. */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import { counter, gauge } from '../metrics/family.js'
import type { Registry } from '../metrics/registry.js'

/** `refused`: how much was refused so far. */
export function readTraffic (registry: Registry, server: Server, refused: () => number): void {
  const open = new Set<Socket>()
  let [accepted, received, sent] = [0, 0, 0]
  server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
    // An upgrade that nobody wants comes back as a connection.
    if (open.has(socket)) return
    accepted++
    open.add(socket)
    socket.once('close', () => {
      open.delete(socket)
      received += socket.bytesRead
      sent += socket.bytesWritten
    })
  })
  registry.read(() => {
    const [nowReceived, nowSent] = [...open].reduce(([read, written], { bytesRead, bytesWritten }) => [read + bytesRead, written + bytesWritten] as const, [received, sent] as const)
    return [
      counter({ name: 'cdmi_received_bytes_total', help: 'Bytes that came in, headers included.' }, nowReceived),
      counter({ name: 'cdmi_sent_bytes_total', help: 'Bytes that went out, headers included.' }, nowSent),
      counter({ name: 'cdmi_connections_accepted_total', help: 'Connections that were accepted.' }, accepted),
      gauge({ name: 'cdmi_connections_open', help: 'Connections that are open, those of WebSockets included.' }, open.size),
      counter({ name: 'cdmi_refused_total', help: 'Requests, messages, connections and sockets that were refused, for there was too much to do.' }, refused())
    ]
  })
}
