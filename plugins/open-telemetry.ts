/**
 * Spans by OpenTelemetry, for applications that have it: one for each request, named by door and operation, and below it those of its commits and of the
 * segments of values that it puts and gets. The package @opentelemetry/api is given by the application; nothing here depends on it.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Attributes, Tracing } from '../metrics/tracing.js'
import { doorOf, operationOf } from '../routes/door.js'
import { whenAnswered } from '../routes/http/answer-end.js'

/** What is used of a span. */
export interface OpenTelemetrySpan {
  setAttribute (name: string, value: string | number): unknown
  setStatus (status: { code: number, message?: string }): unknown
  end (): void
  spanContext (): { readonly traceId: string, readonly spanId: string }
}

/** What is used of the package @opentelemetry/api, which fits as it is: `import * as api from '@opentelemetry/api'`. */
export interface OpenTelemetryApi {
  readonly trace: {
    getTracer (name: string): { startSpan (name: string, options?: { kind?: number, attributes?: Record<string, string | number> }, context?: OpenTelemetryContext): OpenTelemetrySpan }
    setSpan (context: OpenTelemetryContext, span: OpenTelemetrySpan): OpenTelemetryContext
    getSpan (context: OpenTelemetryContext): OpenTelemetrySpan | undefined
  }
  readonly context: {
    active (): OpenTelemetryContext
    with<T> (context: OpenTelemetryContext, work: () => T): T
  }
  readonly propagation: { extract (context: OpenTelemetryContext, carrier: unknown): OpenTelemetryContext }
}

/** Passed on, never looked into. */
export interface OpenTelemetryContext { getValue (key: symbol): unknown }

/** Numbers that the interface of OpenTelemetry has fixed. */
const [internal, server] = [0, 1]
const failed = 2
/** Of a trace that nobody records. */
const nowhere = /^0*$/

export class OpenTelemetryTracing implements Tracing {
  readonly #api: OpenTelemetryApi
  readonly #tracer

  constructor (api: OpenTelemetryApi) {
    this.#api = api
    this.#tracer = api.trace.getTracer('fastify-cdmi')
  }

  async span<T> (name: string, attributes: Attributes, work: () => Promise<T>): Promise<T> {
    const { trace, context } = this.#api
    const within = context.active()
    const span = this.#tracer.startSpan(name, { kind: internal, attributes: { ...attributes } }, within)
    return await context.with(trace.setSpan(within, span), async () => {
      try {
        return await work()
      } catch (error) {
        fail(span, error)
        throw error
      } finally {
        span.end()
      }
    })
  }

  async * stream<T> (name: string, attributes: Attributes, chunks: AsyncIterable<T>): AsyncGenerator<T> {
    const span = this.#tracer.startSpan(name, { kind: internal, attributes: { ...attributes } }, this.#api.context.active())
    try {
      yield * chunks
    } catch (error) {
      fail(span, error)
      throw error
    } finally {
      span.end()
    }
  }

  /** A request, until its answer is out or the connection has ended; `goOn` does the rest of it. The log has the number of its trace. */
  request (request: FastifyRequest, reply: FastifyReply, goOn: () => void): void {
    const { trace, context, propagation } = this.#api
    const active = context.active()
    // Where something around has made a span of the request already, it has read the header, too (W3C traceparent).
    const within = trace.getSpan(active) === undefined ? propagation.extract(active, request.headers) : active
    const [door, operation] = [doorOf(request), operationOf(request)]
    const span = this.#tracer.startSpan(`cdmi ${door} ${operation}`, {
      kind: server,
      attributes: { 'cdmi.door': door, 'cdmi.operation': operation, 'http.request.method': request.method }
    }, within)
    const { traceId, spanId } = span.spanContext()
    if (!nowhere.test(traceId)) request.log = reply.log = request.log.child({ traceId, spanId })
    whenAnswered(reply.raw, () => {
      const { statusCode } = reply
      if (!reply.raw.writableFinished) span.setStatus({ code: failed, message: 'aborted' })
      else {
        span.setAttribute('http.response.status_code', statusCode)
        if (statusCode >= 500) span.setStatus({ code: failed })
      }
      span.end()
    })
    context.with(trace.setSpan(within, span), goOn)
  }
}

/** Its name says enough: messages are for the log, for they may name paths. */
function fail (span: OpenTelemetrySpan, error: unknown): void {
  span.setStatus({ code: failed, message: error instanceof Error ? error.name : 'Error' })
}

/** For the scope of the doors. */
export function traceRequests (scope: FastifyInstance, tracing: OpenTelemetryTracing): void {
  scope.addHook('onRequest', (request, reply, done) => { tracing.request(request, reply, done) })
}
