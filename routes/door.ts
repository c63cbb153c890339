/** By which door a request came: for those who count. */
import type { FastifyInstance } from 'fastify'

export type Door = 'plain' | 'cdmi' | 'keyed' | 'websocket' | 'socket.io' | 'health' | 'metrics'

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined where there is no door: nothing was found, or it is the description of the API. */
    readonly door?: Door
  }
}

/** For the scope of a door. On the prototype of its requests, so that no request pays for it. */
export function nameDoor (scope: FastifyInstance, door: Door): void {
  if (!scope.hasRequestDecorator('door')) scope.decorateRequest('door', { getter: () => door })
}
