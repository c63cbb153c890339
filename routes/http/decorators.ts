/** What every route finds on the application and on a request; the plugin puts it there. */
import type { Cdmi } from '../../cdmi/model.js'
import type { Principal } from '../../cdmi/principal.js'
import type { CdmiOptions } from '../../schemas/options.js'

declare module 'fastify' {
  interface FastifyInstance {
    cdmi: Cdmi
    cdmiOptions: CdmiOptions
  }
  interface FastifyRequest {
    principal: Principal
  }
}
