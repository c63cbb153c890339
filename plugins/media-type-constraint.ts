/**
 * Routes by media type: on the mount at `/` one URI belongs to the keyed door, or to CDMI when the request names a CDMI media
 * type (design: URL space). A route that is not CDMI's carries `constraints: { cdmiMediaType: 'other' }`; for a CDMI request the
 * router passes it by and finds the next less specific one, CDMI's own. Routes without the constraint take both.
 */
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'

export const mediaTypeConstraint = 'cdmiMediaType'

const cdmiType = /application\/cdmi-/i

/** Whether a request names a CDMI media type (Content-Type or Accept) or the version header of CDMI 1.x. Called for every request: short. */
export function namesCdmi ({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  const { accept } = headers
  if (accept !== undefined && accept !== '*/*' && cdmiType.test(accept)) return true
  const type = headers['content-type']
  if (type !== undefined && type !== 'application/json' && cdmiType.test(type)) return true
  return headers['x-cdmi-specification-version'] !== undefined
}

/** Makes the constraint known to the router of the application; more than one instance of the plugin may call it. */
export function addMediaTypeConstraint (app: FastifyInstance): void {
  if (app.hasConstraintStrategy(mediaTypeConstraint)) return
  app.addConstraintStrategy({
    name: mediaTypeConstraint,
    storage () {
      const handlers = new Map<unknown, never>()
      return {
        get: (value: unknown) => handlers.get(value) ?? null,
        set: (value: unknown, handler: never) => { handlers.set(value, handler) }
      }
    },
    deriveConstraint: (request: Pick<IncomingMessage, 'headers'>) => namesCdmi(request) ? 'cdmi' : 'other',
    mustMatchWhenDerived: false
  })
}
