/** A line between a store and its database on which one can hear what is asked. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

export interface StatementTap {
  /** The URL of the database, by way of the line. */
  readonly url: string
  /** What was asked since the last time, in order: names of statements; in brackets what has no name. Each was waited for. */
  take (): string[]
}

export async function tapTo (t: Test, target: string): Promise<StatementTap> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  let heard: string[] = []
  const server = createServer(client => {
    const database = connect({ host: hostname, port: Number(port) })
    for (const [from, to] of [[client, database], [database, client]] as const) {
      sockets.add(from)
      // Who ends, and why, is for the two to see.
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
      from.pipe(to)
    }
    client.on('data', listener(what => { heard.push(what) }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  const url = new URL(target)
  url.port = String(typeof address === 'object' ? address?.port : address)
  return {
    url: url.href,
    take () {
      const all = heard
      heard = []
      return all
    }
  }
}

/** Takes the messages of a client apart: the first has no letter, each other one has one, and its length. */
function listener (hear: (what: string) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0)
  let letters = 0
  return chunk => {
    rest = Buffer.concat([rest, chunk])
    for (;;) {
      if (rest.length < letters + 4) return
      const end = letters + rest.readInt32BE(letters)
      if (rest.length < end) return
      const letter = rest.toString('latin1', 0, letters)
      const body = rest.subarray(letters + 4, end)
      if (letter === 'Q') hear(`(${body.toString('utf8', 0, body.length - 1)})`)
      // Bind: the name of the portal, then that of the statement.
      if (letter === 'B') hear(body.toString('utf8', body.indexOf(0) + 1, body.indexOf(0, body.indexOf(0) + 1)))
      rest = rest.subarray(end)
      letters = 1
    }
  }
}
