/**
 * The door for plain HTTP on the CDMI namespace: every method on `<prefix>/*`. It finds `app.cdmi` and
 * `app.cdmiOptions` on the application and `request.principal` on each request, and expects that nothing has read the body.
 */
import type { FastifyPluginAsync } from 'fastify'
import { nameDoor } from './door.js'
import './http/decorators.js'
import { redirectOrFail } from './http/missing-slash.js'
import deleteRoutes from './plain/delete.js'
import methodRoutes from './plain/method-not-allowed.js'
import postRoutes from './plain/post.js'
import readRoutes from './plain/read.js'
import writeRoutes from './plain/write.js'

const plain: FastifyPluginAsync = async (app) => {
  nameDoor(app, 'plain')
  app.setErrorHandler(redirectOrFail)
  await app.register(readRoutes)
  await app.register(writeRoutes)
  await app.register(postRoutes)
  await app.register(deleteRoutes)
  await app.register(methodRoutes)
}

export default plain
