/** A server that does something wrong, for the oracle to see: all that another one answers goes by here, and is spoiled on its way. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import type { Test } from 'tap'
import type { Address } from './exchange.js'

export interface Spoiling {
  /** What becomes of some bytes of an answer. */
  readonly answer?: (text: string) => string
  /** The end of the answer is kept back. */
  readonly endless?: boolean
}

/** Closed with the test. */
export async function spoiled (t: Test, upstream: Address, { answer = text => text, endless = false }: Spoiling): Promise<Address> {
  const server = createServer({ allowHalfOpen: true }, client => {
    const onward = connect({ ...upstream, allowHalfOpen: true })
    client.on('error', () => { onward.destroy() })
    onward.on('error', () => { client.destroy() })
    t.teardown(() => { client.destroy() })
    client.pipe(onward)
    onward.on('data', (chunk: Buffer) => { client.write(answer(chunk.toString('latin1')), 'latin1') })
    onward.on('end', () => { if (!endless) client.end() })
  })
  t.teardown(() => { server.close() })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}
