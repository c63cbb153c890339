/** Short ways to say what tests of the CDMI door say often. */
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'

const object = 'application/cdmi-object'
const container = 'application/cdmi-container'
const capability = 'application/cdmi-capability'

export interface Client {
  readonly app: FastifyInstance
  readonly prefix: string
  /** PUT, PATCH, POST: a path with a slash at its end means a container. */
  put (path: string, body?: object, headers?: Record<string, string>): Promise<LightMyRequestResponse>
  patch (path: string, body?: object, headers?: Record<string, string>): Promise<LightMyRequestResponse>
  post (path: string, body: object): Promise<LightMyRequestResponse>
  get (path: string): Promise<LightMyRequestResponse>
  plain (method: 'GET' | 'HEAD' | 'PUT' | 'PATCH' | 'POST' | 'DELETE', path: string, payload?: string, headers?: Record<string, string>): Promise<LightMyRequestResponse>
  remove (path: string): Promise<LightMyRequestResponse>
  /** The fields of an object that must be there. */
  fields (path: string): Promise<Record<string, unknown>>
  metadata (path: string): Promise<Record<string, unknown>>
  children (path: string): Promise<unknown>
}

export function client (app: FastifyInstance, prefix = ''): Client {
  const typeOf = (path: string): string => path.split('?', 1)[0]?.endsWith('/') === true ? container : object
  const send = (method: 'PUT' | 'PATCH') => async (path: string, body: object = {}, headers: Record<string, string> = {}) =>
    await app.inject({ method, url: prefix + path, headers: { 'content-type': typeOf(path), ...headers }, payload: JSON.stringify(body) })
  const get = async (path: string): Promise<LightMyRequestResponse> => await app.inject({ url: prefix + path, headers: { accept: `${object}, ${container}, ${capability}` } })
  const fields = async (path: string): Promise<Record<string, unknown>> => {
    const answer = await get(path)
    if (answer.statusCode !== 200) throw new Error(`${path}: ${answer.statusCode} ${answer.body}`)
    return answer.json()
  }
  return {
    app,
    prefix,
    put: send('PUT'),
    patch: send('PATCH'),
    post: async (path, body) => await app.inject({ method: 'POST', url: prefix + path, headers: { 'content-type': object }, payload: JSON.stringify(body) }),
    get,
    plain: async (method, path, payload, headers = {}) => await app.inject({ method, url: prefix + path, headers, ...(payload === undefined ? {} : { payload }) }),
    remove: async path => await app.inject({ method: 'DELETE', url: prefix + path }),
    fields,
    metadata: async path => (await fields(path))['metadata'] as Record<string, unknown>,
    children: async path => (await fields(path))['children']
  }
}
