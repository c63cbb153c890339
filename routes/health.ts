/** For whoever looks after the server: is it alive, and should it get requests? No credentials, no secrets. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Alive, Ready } from '../schemas/health.js'
import { nameDoor } from './door.js'
import type { Static } from '../schemas/typebox.js'
import { describeError } from '../cdmi/describe-error.js'
import { type Store, StorageError, type StorageReason } from '../storage/contract.js'

export interface HealthOptions {
  readonly store: Pick<Store, 'ready' | 'integrity'>
  readonly version: string
  /** True from the moment on that the server is told to end. */
  readonly draining: () => boolean
}

const healthRoutes: FastifyPluginAsyncTypebox<HealthOptions> = async (app, { store, version, draining }) => {
  nameDoor(app, 'health')
  app.addHook('onSend', async (_request, reply) => { reply.header('cache-control', 'no-store') })

  app.get('/-/health', {
    logLevel: 'warn',
    schema: { summary: 'The process is alive', tags: ['server'], security: [], response: { 200: Alive } }
  }, async () => ({ status: 'alive' as const, version, uptime: process.uptime(), ...shownIntegrity(store) }))

  app.get('/-/ready', {
    logLevel: 'warn',
    schema: { summary: 'The server can take requests', tags: ['server'], security: [], response: { 200: Ready, 503: Ready } }
  }, async (request, reply) => {
    if (draining()) return reply.code(503).send({ status: 'draining', reason: 'The server is about to end' })
    try {
      await store.ready()
    } catch (error) {
      request.log.warn({ err: error }, 'not ready')
      return reply.code(503).send({ status: 'unavailable', reason: reasonOf(error) })
    }
    return { status: 'ready' as const }
  })
}

/** A store that cannot be read any more says nothing: the process is alive all the same. */
function shownIntegrity ({ integrity }: Pick<Store, 'integrity'>): Omit<Static<typeof Alive>, 'status' | 'version' | 'uptime'> {
  try {
    const known = integrity?.()
    if (known === undefined) return {}
    const { damagedReads, scrub } = known
    if (scrub === undefined) return { damagedReads }
    const { began, last, ...counts } = scrub
    return { damagedReads, scrub: { running: began !== undefined, ...began !== undefined && { began: instantText(began) }, ...counts, ...last !== undefined && { last: { ...last, ended: instantText(last.ended) } } } }
  } catch {
    return {}
  }
}

const instantText = (milliseconds: number): string => new Date(milliseconds).toISOString()

const parts = { records: 'The database with the records of the store', values: 'The place of the values of the store' } as const

const complaints: Readonly<Partial<Record<StorageReason, string>>> = {
  unavailable: 'cannot be reached, or takes nothing now',
  permission: 'does not allow this server to write',
  format: 'is not what this build of the server works with'
}

/** What an operator can do something with, and anybody may know: names, addresses and words of others are in the log. */
function reasonOf (error: unknown): string {
  const complaint = error instanceof StorageError ? complaints[error.reason] : undefined
  if (!(error instanceof StorageError) || error.part === undefined || complaint === undefined) return describeError(error).message
  return `${parts[error.part]} ${complaint}`
}

export default healthRoutes
