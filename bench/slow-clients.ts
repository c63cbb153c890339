/** Clients with a line of a few bytes in a second: one sends a value, one receives one. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Member, Place } from './crowd-member.js'

/** Bytes in a second. */
const rate = 5
/** What a slow client receives: far more than systems keep for a connection, so that the server has to wait for the client. */
export const slowValue = { path: '/cdmi/2.0.0/crowd/long', bytes: 32 * 1024 ** 2 } as const
/** The container of what they send, and of the value. */
export const slowContainer = '/cdmi/2.0.0/crowd/'
/** What they announce: it takes them days. */
const announced = 1024 ** 2

export async function slowUpload (place: Place, left: () => void, number: number): Promise<Member> {
  const socket = await opened(place, `PUT ${slowContainer}up-${number}`, `Content-Type: application/octet-stream\r\nContent-Length: ${announced}\r\n`)
  // What it is told does not matter; that it is told anything, or that the connection ends, does.
  socket.resume()
  return member(socket, left, () => { socket.write('x'.repeat(rate)) })
}

export async function slowDownload (place: Place, left: () => void): Promise<Member> {
  const socket = await opened(place, `GET ${slowValue.path}`, '')
  return member(socket, left, () => { socket.read(rate) })
}

async function opened ({ url, authorization }: Place, line: string, headers: string): Promise<Socket> {
  const { hostname, port, host } = new URL(url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.write(`${line} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${authorization}\r\n${headers}\r\n`)
  return socket
}

function member (socket: Socket, left: () => void, move: () => void): Member {
  const timer = setInterval(move, 1000)
  socket.on('error', () => {})
  socket.once('end', () => { socket.destroy() })
  socket.once('close', () => {
    clearInterval(timer)
    left()
  })
  return { leave () { socket.destroy() } }
}
