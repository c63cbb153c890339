/** Gateways on one store in the process of a test: each has a store, a model and a port of its own. */
import type { Test } from 'tap'
import { request } from 'undici'
import type { DistributedStoreOptions } from '../../schemas/store-options.js'
import { type Gateway, openGateway } from './gateway.js'

export interface GatewaysHere {
  readonly gateways: readonly Gateway[]
  /** The one with this number; they go round. */
  at (n: number): Gateway
  /** What must never happen: answers with 500, failures in the background that no outage explains. */
  readonly faults: string[]
}

/** They are closed with the test. */
export async function gatewaysHere (t: Test, count: number, options: DistributedStoreOptions): Promise<GatewaysHere> {
  const faults: string[] = []
  const gateways = await Promise.all(Array.from({ length: count }, async () => await openGateway(options, fault => { faults.push(fault) })))
  t.teardown(async () => { await Promise.all(gateways.map(async gateway => { await gateway.close() })) })
  return {
    gateways,
    faults,
    at (n) {
      const gateway = gateways[n % gateways.length]
      if (gateway === undefined) throw new Error('no gateway is there')
      return gateway
    }
  }
}

export interface Asked {
  readonly method?: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE'
  readonly headers?: Record<string, string>
  readonly body?: string | Buffer
}

export interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly bytes: Buffer
  readonly text: string
}

/** One request to the CDMI and plain HTTP doors, or, with `/data/…`, to the keyed one. Throws when the answer is cut. */
export async function askGateway ({ origin }: { readonly origin: string }, path: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<Answered> {
  const answer = await request(origin + (path.startsWith('/data/') ? '' : '/cdmi/2.0.0') + path, { method, headers, body: body ?? null })
  const bytes = Buffer.from(await answer.body.arrayBuffer())
  return { status: answer.statusCode, headers: answer.headers, bytes, text: bytes.toString() }
}
