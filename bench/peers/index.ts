/** All peers, as they are named on the command line. */
import type { Peer } from './contestant.js'
import { fastifyHello, nodeHello } from './hellos.js'
import { nginx } from './nginx.js'
import { rclone } from './rclone.js'
import { s3rver } from './s3rver.js'
import { webdis } from './webdis.js'

export const peers: Readonly<Record<string, Peer>> = { node: nodeHello, fastify: fastifyHello, nginx, s3rver, rclone, webdis }
