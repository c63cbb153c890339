/** Sockets that are open and say nothing but heartbeats. */
import { once } from 'node:events'
import { io, type Socket } from 'socket.io-client'
import WebSocket from 'ws'
import type { Member, Place } from './crowd-member.js'

/** Plain WebSocket. */
export async function idleWebSocket ({ url, authorization }: Place, left: () => void): Promise<Member> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, { headers: { authorization } })
  await once(socket, 'open')
  socket.once('close', left)
  socket.on('error', () => {})
  return { leave () { socket.terminate() } }
}

/** socket.io, over a WebSocket of its own. */
export async function idleSocketIo ({ url, authorization }: Place, left: () => void): Promise<Member> {
  const [username = '', password = ''] = Buffer.from(authorization.split(' ')[1] ?? '', 'base64').toString().split(':')
  const socket: Socket = io(url, { transports: ['websocket'], forceNew: true, reconnection: false, auth: { username, password } })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('connect_error', reject)
  })
  socket.once('disconnect', left)
  return { leave () { socket.disconnect() } }
}
