/** An application with the plain HTTP door alone, over a store in memory; closed when the test ends. */
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify'
import { Cdmi } from '../../../cdmi/model.js'
import type { Limits } from '../../../cdmi/context.js'
import { refuseMethod } from '../../../routes/plain/method-not-allowed.js'
import plain from '../../../routes/plain.js'
import type { CdmiOptions } from '../../../schemas/options.js'
import type { Store } from '../../../storage/contract.js'
import { openMemoryStore } from '../../../storage/memory/memory-store.js'

export interface BuildOptions {
  readonly prefix?: string
  readonly store?: Store
  readonly limits?: Partial<Limits>
  readonly options?: CdmiOptions
}

export async function build (t: { after: (fn: () => Promise<void>) => unknown }, { prefix = '', store = openMemoryStore(), limits = {}, options = {} }: BuildOptions = {}): Promise<FastifyInstance & { cdmi: Cdmi }> {
  const app = Fastify()
  const cdmi = new Cdmi(store, limits)
  await app.register(async scope => {
    scope.decorate('cdmi', cdmi)
    scope.decorate('cdmiOptions', options)
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => { done(null) })
    scope.addHook('onRequest', async request => { request.principal = { name: 'admin', authentication: 'basic', access: 'write' } })
    scope.setErrorHandler((error: FastifyError & { headers?: Record<string, string> }, _request, reply) => {
      const status = error.statusCode ?? 500
      return reply.code(status).headers(error.headers ?? {}).type('application/problem+json').send(JSON.stringify({ status, code: error.code, detail: error.message }))
    })
    scope.setNotFoundHandler(refuseMethod)
    await scope.register(plain)
  }, { prefix })
  t.after(async () => { await app.close() })
  await app.ready()
  return Object.assign(app, { cdmi })
}

/** The address of a listening application. */
export async function listen (app: FastifyInstance): Promise<{ origin: string, port: number }> {
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  return { origin, port: Number(new URL(origin).port) }
}
