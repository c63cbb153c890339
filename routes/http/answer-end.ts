/** When an answer has come to its end, be it only by that of its connection. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** What is to be done at the end of an answer. */
interface Awaited {
  readonly response: ServerResponse
  readonly all: (() => void)[]
}

/** By connection, in a list that mostly is short: each connection has one listener, and each answer, however many want to know and however many requests a client sends at once. */
const waiting = new WeakMap<Socket, Awaited[]>()

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
  const last = answers.at(-1)
  const known = last?.response === response ? last : answers.find(one => one.response === response)
  if (known !== undefined) known.all.push(ended)
  else {
    answers.push({ response, all: [ended] })
    response.on('close', answered)
  }
}

function watched (socket: Socket): Awaited[] {
  const answers: Awaited[] = []
  waiting.set(socket, answers)
  socket.once('close', () => { for (const { response } of [...answers]) answered.call(response) })
  return answers
}

function answered (this: ServerResponse): void {
  const answers = waiting.get(this.req.socket) ?? []
  const at = answers.findIndex(({ response }) => response === this)
  if (at >= 0) for (const ended of answers.splice(at, 1)[0]?.all ?? []) ended()
}
