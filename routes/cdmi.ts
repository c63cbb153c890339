/** The door for CDMI's own media types (GEN-06), on the same URIs as the plain one; it expects what that one expects. */
import type { FastifyPluginAsync } from 'fastify'
import './http/decorators.js'
import { nameDoor } from './door.js'
import cdmiReadRoutes from './cdmi/read.js'
import cdmiWriteRoutes from './cdmi/write.js'
import { redirectOrFail } from './http/missing-slash.js'

const cdmiDoor: FastifyPluginAsync = async (app) => {
  nameDoor(app, 'cdmi')
  app.setErrorHandler(redirectOrFail)
  await app.register(cdmiReadRoutes)
  await app.register(cdmiWriteRoutes)
}

export default cdmiDoor
