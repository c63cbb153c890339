/** The description of the API, made from the schemas of the routes, and a page to try it out: `/-/docs`. Nothing is loaded from elsewhere. */
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

export interface OpenApiOptions {
  readonly version: string
  /** Prefixes under which the same routes are there once more: not described twice. */
  readonly twins: readonly string[]
}

const description = `An object store in the words of CDMI 2.0.0 (ISO/IEC 17826). The same objects are there at \`/\` and at \`/cdmi/2.0.0/\`; at \`/data\`
without a CDMI media type they are keyed JSON records.`

/** The page's own files and nothing else; and not by HTTPS where the page came by HTTP (`upgrade-insecure-requests`). */
const contentSecurityPolicy = "default-src 'self'; img-src 'self' data:; object-src 'none'; script-src-attr 'none'; form-action 'self'; base-uri 'self'; frame-ancestors 'self'"

/** To be registered before the routes. */
async function openApi (app: FastifyInstance, { version, twins }: OpenApiOptions): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'fastify-cdmi', version, description, license: { name: 'MIT', identifier: 'MIT' } as never },
      components: { securitySchemes: { basic: { type: 'http', scheme: 'basic' } } },
      security: [{ basic: [] }]
    },
    transform: ({ schema, url }) => ({ schema: twins.some(twin => url.startsWith(`${twin}/`)) ? { ...schema, hide: true } : schema, url })
  })
  await app.register(swaggerUi, {
    routePrefix: '/-/docs',
    staticCSP: contentSecurityPolicy,
    // No badge of a validator on another host.
    uiConfig: { docExpansion: 'list', deepLinking: true, validatorUrl: null } as never,
    theme: { title: 'fastify-cdmi' }
  })
}

export default fp(openApi, { name: 'fastify-cdmi-openapi', fastify: '5.x' })
