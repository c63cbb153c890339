/** What holds for all objects that are made of others. */
import type { FastifyRequest } from 'fastify'
import { InvalidRequest } from '../../cdmi/errors.js'
import { templateChoice } from './template-choice.js'

/** What a client does not wait for is not fetched. `work` gets what tells it that the client has left. */
export async function whileWaited<T> ({ raw: { socket } }: FastifyRequest, work: (left: AbortSignal) => Promise<T>): Promise<T> {
  const left = new AbortController()
  const leave = (): void => { left.abort() }
  // Who is gone ends its half of the connection first, and nobody who waits for another server has a reason to.
  if (socket.readableEnded) leave()
  socket.once('end', leave).once('close', leave)
  try {
    return await work(left.signal)
  } finally {
    socket.off('end', leave).off('close', leave)
  }
}

/** Milliseconds after which the request is answered, done or not (RFC 7240 §4.1). */
export function delayOf ({ headers: { prefer }, server }: FastifyRequest): number {
  const preferences = typeof prefer === 'string' ? prefer.split(',').map(one => one.split(';', 1)[0]?.trim().toLowerCase()) : []
  return preferences.includes('respond-async') ? 0 : server.cdmiOptions.delayedAfter ?? defaultDelay
}

/** Milliseconds. */
const defaultDelay = 5000

/** What is made of another object takes its data system metadata over. A template may be chosen afterwards. */
export function refuseTemplate (request: FastifyRequest, source: string, uri: string | undefined, scope: 'dataobject' | 'container'): void {
  if (templateChoice(request, uri, scope, undefined) !== undefined) throw new InvalidRequest(`"capabilitiesURI" does not go with "${source}"; choose a template when the object is there`)
}
