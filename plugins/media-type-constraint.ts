/**
 * Routes by media type (design: URL space): one URI belongs to CDMI's own form, to plain HTTP, and on the mount at `/` below `/data` to the keyed
 * door. A route with `constraints: { cdmiMediaType: 'cdmi' }` takes requests that speak CDMI's media types; one with `'other'` those that name
 * nothing of CDMI at all; routes without the constraint take all that no other one takes.
 */
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'

export const mediaTypeConstraint = 'cdmiMediaType'

type Request = Pick<IncomingMessage, 'headers' | 'method'>

const cdmiType = /application\/cdmi-/i
const inParts = /^\s*multipart\/mixed\s*(?:;|$)/i
const mixedAccepted = /multipart\/mixed/i

/** `cdmi`: the request speaks CDMI's form. `named`: it names CDMI, but is plain. Called for every request: short. */
export function mediaTypeOfRequest ({ headers, method }: Request): 'cdmi' | 'named' | 'other' {
  const { accept } = headers
  const type = headers['content-type']
  const version = headers['x-cdmi-specification-version'] !== undefined
  const plain = accept === undefined || accept === '*/*'
  if (plain && !version && (type === undefined || type === 'application/json')) return 'other'
  const accepted = !plain && cdmiType.test(accept)
  const sent = type !== undefined && cdmiType.test(type)
  if (method === 'GET' || method === 'HEAD') {
    // Content-Type means nothing here (CLI-03), but names CDMI.
    if (accepted || version || (!plain && mixedAccepted.test(accept))) return 'cdmi'
  } else if (sent || (type !== undefined && inParts.test(type))) return 'cdmi'
  return accepted || sent || version ? 'named' : 'other'
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
    deriveConstraint: mediaTypeOfRequest,
    mustMatchWhenDerived: false
  })
}
