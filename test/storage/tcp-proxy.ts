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
  /** Everything passes; what was held back comes now. */
  heal (): void
  /** Ends all connections that there are. */
  cut (): void
}

export async function proxyTo (t: Test, target: string): Promise<Proxy> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  let frozen = false
  let muted = false
  const join = (from: Socket, to: Socket, isAnswer: boolean): void => {
    sockets.add(from)
    if (frozen) from.pause()
    from.on('data', chunk => { if (!(isAnswer && muted)) to.write(chunk) })
    from.on('close', () => {
      sockets.delete(from)
      to.destroy()
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
    heal () {
      frozen = muted = false
      for (const socket of sockets) socket.resume()
    },
    cut
  }
}
