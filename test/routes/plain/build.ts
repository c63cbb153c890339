/** An application with the plugin alone, open to everybody, over a store in memory; closed when the test ends. */
import Fastify, { type FastifyInstance } from 'fastify'
import { Cdmi, cdmi, type CdmiOptions, openMemoryStore, type Store } from '../../../index.js'

export interface BuildOptions {
  readonly prefix?: string
  readonly store?: Store
  readonly limits?: NonNullable<CdmiOptions['limits']>
  readonly options?: CdmiOptions
}

/** `cdmi` of the answer: the model over the same store. */
export async function build (t: { after: (fn: () => Promise<void>) => unknown }, { prefix = '', store = openMemoryStore(), limits = {}, options = {} }: BuildOptions = {}): Promise<FastifyInstance & { cdmi: Cdmi }> {
  const app = Fastify()
  await app.register(cdmi, { prefix, store, anonymous: 'write', limits, ...options })
  t.after(async () => { await app.close() })
  await app.ready()
  return Object.assign(app, { cdmi: new Cdmi(store) })
}

/** The address of a listening application. */
export async function listen (app: FastifyInstance): Promise<{ origin: string, port: number }> {
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  return { origin, port: Number(new URL(origin).port) }
}
