/** A line between a store and its database that can go bad. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

export interface Proxy {
  /** The URL of the database, by way of the proxy. */
  readonly url: string
  /** Nothing passes any more, and nobody is told: as when a cable is pulled. */
  freeze (): void
  /** What the database says is lost; what it is told arrives. */
  mute (): void
  /** Connections on which a client says this are late from then on: what is said on them, even if he hangs up, arrives when the line is healed. */
  delay (words: string): void
  /** Connections that are late and not at their end. */
  late (): number
  /** Everything passes; what was held back comes now. */
  heal (): void
  /** Ends all connections that there are. */
  cut (): void
  /** New connections lead there, as when a name has moved; those that there are stay where they are. */
  moveTo (target: string): void
}

export async function proxyTo (t: Test, target: string): Promise<Proxy> {
  let { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  let frozen = false
  let muted = false
  let words: string | undefined
  const late = new Map<Socket, Buffer[]>()
  const join = (from: Socket, to: Socket, isAnswer: boolean): void => {
    sockets.add(from)
    if (frozen) from.pause()
    from.on('data', (chunk: Buffer) => {
      if (!isAnswer && words !== undefined && chunk.includes(words) && !late.has(to)) late.set(to, [])
      const held = isAnswer ? undefined : late.get(to)
      if (held !== undefined) held.push(chunk)
      else if (!(isAnswer && muted)) to.write(chunk)
    })
    from.on('close', () => {
      sockets.delete(from)
      late.delete(from)
      if (!late.has(to)) to.destroy()
    })
    // Told by `close`.
    from.on('error', () => {})
  }
  const server = createServer(client => {
    const database = connect({ host: hostname, port: Number(port) })
    join(client, database, false)
    join(database, client, true)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = (): void => { for (const socket of sockets) socket.destroy() }
  t.teardown(() => {
    cut()
    server.close()
  })
  const address = server.address()
  const url = new URL(target)
  url.port = String(typeof address === 'object' ? address?.port : address)
  return {
    url: url.href,
    freeze () {
      frozen = true
      for (const socket of sockets) socket.pause()
    },
    mute () { muted = true },
    delay (said) { words = said },
    late: () => late.size,
    heal () {
      frozen = muted = false
      words = undefined
      for (const [socket, chunks] of late) socket.end(Buffer.concat(chunks.splice(0)))
      for (const socket of sockets) socket.resume()
    },
    cut,
    moveTo (target) {
      ({ hostname, port } = new URL(target))
    }
  }
}
