/** When an answer has come to its end, be it only by that of its connection. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** What is to be done at the ends of answers, by connection: each connection has one listener, and each answer, however many want to know and however many requests a client sends at once. */
const waiting = new WeakMap<Socket, Map<ServerResponse, (() => void)[]>>()

/**
 * Calls once. Node emits `close` on a response only while that has the connection: not on one that waits behind another when the connection ends, and
 * not on one that gave the connection away to a WebSocket.
 */
export function whenAnswered (response: ServerResponse, ended: () => void): void {
  const { socket } = response.req
  if (socket.closed) {
    process.nextTick(ended)
    return
  }
  const answers = waiting.get(socket) ?? watched(socket)
  const known = answers.get(response)
  if (known !== undefined) known.push(ended)
  else {
    answers.set(response, [ended])
    response.on('close', end)
  }
}

function watched (socket: Socket): Map<ServerResponse, (() => void)[]> {
  const answers = new Map<ServerResponse, (() => void)[]>()
  waiting.set(socket, answers)
  socket.once('close', () => { for (const response of answers.keys()) end.call(response) })
  return answers
}

function end (this: ServerResponse): void {
  const answers = waiting.get(this.req.socket)
  const all = answers?.get(this) ?? []
  answers?.delete(this)
  for (const ended of all) ended()
}
