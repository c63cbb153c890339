/** Sends bytes over a connection of their own, and takes what comes back until the connection has ended. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface Exchanged {
  readonly received: Buffer
  /** The server has not ended the connection, although it had all that will ever come. */
  readonly hung: boolean
  /** Milliseconds until the end. */
  readonly took: number
}

export interface Address { readonly host: string, readonly port: number }

/** Milliseconds without anything new after which our half is ended: the server may be waiting for the rest. */
const quiet = 200
const mostReceived = 64 * 1024 ** 2

/** `bound`: milliseconds that the server has to come to an end. */
export async function exchange (address: Address, pieces: readonly Buffer[], bound: number): Promise<Exchanged> {
  const began = performance.now()
  const socket = await connected(address)
  try {
    const chunks: Buffer[] = []
    let [length, last] = [0, performance.now()]
    socket.on('data', (chunk: Buffer) => {
      last = performance.now()
      // What is longer is an answer without an end.
      if ((length += chunk.length) > mostReceived) socket.destroy()
      else chunks.push(chunk)
    })
    const closed = new Promise<void>(resolve => { socket.once('close', () => { resolve() }) })
    for (const [n, piece] of pieces.entries()) {
      if (n > 0) await new Promise<void>(resolve => { setImmediate(resolve) })
      if (socket.writable) socket.write(piece)
    }
    const watch = setInterval(() => {
      if (performance.now() - last > quiet && socket.writable && socket.writableLength === 0) socket.end()
    }, quiet / 2)
    const hung = await outlasts(closed, bound)
    clearInterval(watch)
    return { received: Buffer.concat(chunks), hung, took: performance.now() - began }
  } finally {
    socket.destroy()
  }
}

/** A connection whose other side may end without ours, and whose errors are its end. */
export async function connected ({ host, port }: Address): Promise<Socket> {
  const socket = connect({ host, port, allowHalfOpen: true })
  // A server that refuses may close before it has read all.
  socket.on('error', () => { socket.destroy() })
  await once(socket, 'connect')
  socket.on('end', () => { socket.end() })
  return socket
}

/** Milliseconds between two looks at the clock, and what counts of them at most: a machine that stands still for a while is no fault of a server. */
const look = 100
const counted = 4 * look

/** Whether it takes longer. */
export async function outlasts (done: Promise<void>, bound: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>(resolve => {
    let [spent, last] = [0, performance.now()]
    timer = setInterval(() => {
      const now = performance.now()
      spent += Math.min(now - last, counted)
      last = now
      if (spent > bound) resolve(true)
    }, look)
  })
  const hung = await Promise.race([done.then(() => false), late])
  clearInterval(timer)
  return hung
}
