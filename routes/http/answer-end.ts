/** When an answer has come to its end, be it only by that of its connection. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Answers by connection: one listener, however many requests a client sends at once. */
const waiting = new WeakMap<Socket, Set<() => void>>()

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
  const known = waiting.get(socket)
  const all = known ?? new Set<() => void>()
  if (known === undefined) {
    waiting.set(socket, all)
    socket.once('close', () => { for (const end of all) end() })
  }
  const end = (): void => { if (all.delete(end)) ended() }
  all.add(end)
  response.once('close', end)
}
