/** The listing of a container over plain HTTP (HCO-03). */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isContainerEntry, type Listing } from '../../cdmi/containers.js'
import { addVary } from './representation.js'

/** Sends the names of the children, containers with a slash. */
export async function sendContainerListing (request: FastifyRequest, reply: FastifyReply, listing: Listing): Promise<void> {
  addVary(reply, 'Accept')
  reply.header('cache-control', 'no-cache').header('x-content-type-options', 'nosniff').type('application/json; charset=utf-8')
  if (request.raw.method === 'HEAD') {
    reply.send()
    return
  }
  const children: string[] = []
  for await (const page of listing.pages) {
    for (const entry of page) children.push(isContainerEntry(entry) ? entry.name + '/' : entry.name)
  }
  reply.send(JSON.stringify({ children }))
}
