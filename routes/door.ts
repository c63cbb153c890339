/** By which door a request came, and what it wants there: for those who count, and for traces. */
import type { FastifyInstance, FastifyRequest } from 'fastify'

export type Door = 'plain' | 'cdmi' | 'keyed' | 'websocket' | 'socket.io' | 'health' | 'metrics'

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined where there is no door: nothing was found, or it is the description of the API. */
    readonly cdmiDoor?: Door
  }
}

/** For the scope of a door. On the prototype of its requests, so that no request pays for it. */
export function nameDoor (scope: FastifyInstance, door: Door): void {
  if (!scope.hasRequestDecorator('cdmiDoor')) scope.decorateRequest('cdmiDoor', { getter: () => door })
}

const form = /^multipart\/form-data/i

/** One of few names, whatever was sent; a form is a door of its own. */
export function doorOf ({ cdmiDoor: door, method, headers }: FastifyRequest): string {
  if (door === 'plain' && method === 'POST' && form.test(headers['content-type'] ?? '')) return 'form'
  return door ?? 'other'
}

/** There are ten names and no more, whatever is sent. */
export function operationOf ({ cdmiDoor: door, method, raw: { url = '/' } }: FastifyRequest): string {
  // Requests that carry a socket: what is done by it are its messages.
  if (door === 'websocket' || door === 'socket.io') return 'transport'
  if (method !== 'GET' && method !== 'HEAD') return operationNamed(method, false)
  const mark = url.indexOf('?')
  const end = mark < 0 ? url.length : mark
  // A slash ends the path of a container.
  return url.charCodeAt(end - 1) === 47 || (door === 'keyed' && url.endsWith('/data', end)) ? 'list' : 'read'
}

/** The same of a socket message. */
export function operationOfMessage ({ method = '', url = '' }: { readonly method?: string, readonly url?: string }): string {
  return operationNamed(method.toUpperCase(), url === '/data' || url.startsWith('/data?'))
}

function operationNamed (method: string, isList: boolean): string {
  switch (method) {
    case 'GET':
    case 'HEAD': return isList ? 'list' : 'read'
    case 'PUT': return 'write'
    case 'POST': return 'create'
    case 'PATCH': return 'change'
    case 'DELETE': return 'delete'
    case 'OPTIONS': return 'options'
    default: return 'other'
  }
}
