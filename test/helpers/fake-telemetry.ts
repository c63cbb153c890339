/** What an SDK of OpenTelemetry does for the interface that is used: contexts that follow the program, and spans that are kept. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { randomBytes } from 'node:crypto'
import type { OpenTelemetryApi, OpenTelemetryContext, OpenTelemetrySpan } from '../../index.js'

export interface KeptSpan {
  readonly name: string
  readonly kind: number
  readonly traceId: string
  readonly spanId: string
  readonly parent: string | undefined
  readonly attributes: Record<string, string | number>
  readonly status: { readonly code: number, readonly message?: string } | undefined
}

class Context implements OpenTelemetryContext {
  constructor (readonly span?: OpenTelemetrySpan) {}
  getValue (): unknown { return undefined }
}

const spanIn = (context: OpenTelemetryContext | undefined): OpenTelemetrySpan | undefined => context instanceof Context ? context.span : undefined

/** `ended`: in the order of their ends. */
export function fakeTelemetry (): { readonly api: OpenTelemetryApi, readonly ended: KeptSpan[] } {
  const ended: KeptSpan[] = []
  const storage = new AsyncLocalStorage<OpenTelemetryContext>()
  const root = new Context()
  const remote = (traceId: string, spanId: string): OpenTelemetrySpan => ({ setAttribute () {}, setStatus () {}, end () {}, spanContext: () => ({ traceId, spanId }) })
  return {
    ended,
    api: {
      trace: {
        getTracer: () => ({
          startSpan (name, { kind = 0, attributes = {} } = {}, context) {
            const parent = spanIn(context)?.spanContext()
            const [traceId, spanId] = [parent?.traceId ?? randomBytes(16).toString('hex'), randomBytes(8).toString('hex')]
            const all = { ...attributes }
            let status: KeptSpan['status']
            return {
              setAttribute (key, value) { all[key] = value },
              setStatus (given) { status = given },
              spanContext: () => ({ traceId, spanId }),
              end () { ended.push({ name, kind, traceId, spanId, parent: parent?.spanId, attributes: all, status }) }
            }
          }
        }),
        setSpan: (_context, span) => new Context(span),
        getSpan: spanIn
      },
      context: {
        active: () => storage.getStore() ?? root,
        with: (context, work) => storage.run(context, work)
      },
      propagation: {
        extract (context, carrier) {
          const [, traceId, spanId] = /^00-([\da-f]{32})-([\da-f]{16})-[\da-f]{2}$/.exec(String(Reflect.get(Object(carrier), 'traceparent'))) ?? []
          return traceId === undefined || spanId === undefined ? context : new Context(remote(traceId, spanId))
        }
      }
    }
  }
}
