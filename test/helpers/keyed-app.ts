/** An application with the keyed door and its sockets over a store in memory, and two users: `admin` may write, `reader` may read. */
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { Test } from 'tap'
import { withHeaders } from '../../cdmi/describe-error.js'
import { TooManyRequests, Unauthorized } from '../../cdmi/errors.js'
import { Cdmi } from '../../cdmi/model.js'
import type { Principal } from '../../cdmi/principal.js'
import { addMediaTypeConstraint } from '../../plugins/media-type-constraint.js'
import { keyedRoutes } from '../../routes/keyed.js'
import { openMemoryStore } from '../../storage/memory/memory-store.js'
import type { Store } from '../../storage/contract.js'

export const admin = { username: 'admin', password: 'secret' }
export const adminHeader = 'Basic ' + Buffer.from('admin:secret').toString('base64')
export const readerHeader = 'Basic ' + Buffer.from('reader:secret').toString('base64')

/** As the real one: wrong credentials are Unauthorized, and after `attempts` of them from one source TooManyRequests. */
export class Door {
  readonly failures = new Map<string, number>()
  constructor (readonly attempts = 10) {}

  async verify (name: string, password: string, source: string): Promise<Principal> {
    const failed = this.failures.get(source) ?? 0
    if (failed >= this.attempts) throw withHeaders(new TooManyRequests('Too many failed attempts to log in; try again later'), { 'retry-after': '30' })
    if (password === 'secret' && (name === 'admin' || name === 'reader')) return { name, authentication: 'basic', access: name === 'admin' ? 'write' : 'read' }
    this.failures.set(source, failed + 1)
    throw new Unauthorized()
  }
}

export interface KeyedApp {
  readonly app: FastifyInstance
  readonly cdmi: Cdmi
  readonly store: Store
}

export interface KeyedAppOptions {
  readonly server?: FastifyServerOptions & { https?: object }
  readonly prefix?: string
  readonly limits?: ConstructorParameters<typeof Cdmi>[1]
  /** Whether URLs of CDMI requests go past the keyed door. */
  readonly shared?: boolean
  readonly before?: (app: FastifyInstance) => unknown
  readonly inside?: (scope: FastifyInstance, cdmi: Cdmi) => unknown
}

/** Nothing is listening yet. Closed at the end of the test. */
export async function keyedApp (t: Test, options: KeyedAppOptions = {}): Promise<KeyedApp> {
  const store = openMemoryStore()
  const cdmi = new Cdmi(store, options.limits)
  const app = Fastify({ forceCloseConnections: true, ...options.server }) as unknown as FastifyInstance
  t.teardown(() => app.close())
  await options.before?.(app)
  if (options.shared === true) addMediaTypeConstraint(app)
  const door = new Door(Infinity)
  await app.register(async scope => {
    scope.decorate('cdmi', cdmi)
    scope.decorate('cdmiOptions', {})
    await options.inside?.(scope, cdmi)
    await scope.register(async scope => {
      scope.decorateRequest('principal')
      scope.addHook('onRequest', async request => {
        const [, credentials = ''] = request.headers.authorization?.split(' ') ?? []
        const [name = '', password = ''] = Buffer.from(credentials, 'base64').toString().split(':')
        request.principal = await door.verify(name, password, request.ip)
      })
      await scope.register(keyedRoutes, options.shared === true ? { constraints: { cdmiMediaType: 'other' } } : {})
    })
  }, { prefix: options.prefix ?? '' })
  return { app, cdmi, store }
}

/** The same, listening on a port of its own. */
export async function listeningApp (t: Test, options: KeyedAppOptions = {}): Promise<KeyedApp & { port: number, url: string }> {
  const built = await keyedApp(t, options)
  await built.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = built.app.server.address() as AddressInfo
  return { ...built, port, url: `${options.server?.https === undefined ? 'http' : 'https'}://127.0.0.1:${port}` }
}
