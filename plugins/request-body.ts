/**
 * The body of a request as the model reads it. Leaving a loop over a Node request in the middle destroys the request and its
 * connection, and the answer with it; this one leaves it open, for the answer (see early-answer).
 */
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { IncompleteBody } from '../cdmi/errors.js'
import { isHangUp } from '../cdmi/describe-error.js'

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * The bytes of the body, once. Reading the first of them invites the body of a client that sent `Expect: 100-continue`.
     * The iteration throws IncompleteBody when the connection ends before the body does.
     */
    acceptBody (): AsyncIterable<Uint8Array>
  }
}

async function requestBody (app: FastifyInstance): Promise<void> {
  if (app.hasRequestDecorator('acceptBody')) return
  app.decorateRequest('acceptBody', function (this: FastifyRequest) {
    return bytesOf(this.body instanceof Readable ? this.body : this.raw)
  })
}

async function * bytesOf (stream: Readable): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) yield chunk as Uint8Array
  } catch (error) {
    throw isHangUp(error) ? new IncompleteBody('The connection ended before the body did') : error
  }
}

export default fp(requestBody, { name: 'fastify-cdmi-request-body', fastify: '5.x' })
