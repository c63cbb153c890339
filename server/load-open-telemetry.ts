/** The package @opentelemetry/api of whoever has installed it: no dependency of ours. */
import type { OpenTelemetryApi } from '../index.js'
import { ConfigError } from './config-sources.js'

const name: string = '@opentelemetry/api'

/** Throws ConfigError when it is not there. */
export async function loadOpenTelemetry (): Promise<OpenTelemetryApi> {
  try {
    const api: OpenTelemetryApi = await import(name)
    return api
  } catch {
    throw new ConfigError(`The option tracing needs the package ${name}, and it cannot be loaded: install it beside fastify-cdmi, with an SDK that the process loads at its start (node --import)`)
  }
}
