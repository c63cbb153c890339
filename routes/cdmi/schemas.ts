/** What the manual (OpenAPI) says of the CDMI door. The bodies stream, and are checked by the door itself. */
import type {} from '@fastify/swagger'
import type { FastifySchema } from 'fastify'

const tags = ['CDMI']
/** One operation of the manual is one method of a URI, whatever form it speaks: these are shown together with those of plain HTTP (routes/plain/schemas). */
const described = (summary: string, description: string): FastifySchema => ({ tags, summary, description })

/** For the routes themselves. */
export const hidden: FastifySchema = { hide: true }

const refusals = {
  302: { description: 'This is a reference; `Location` has the URI that it leads to. Nothing was done.' },
  301: { description: 'This is a container; `Location` has its URI, which ends in a slash. Nothing was done.' },
  400: { description: 'The request is wrong, or asks for a capability that is not offered; the answer says what. Nothing was changed.' },
  401: { description: 'Credentials are missing or wrong.' },
  403: { description: 'Known, but not allowed.' },
  404: { description: 'There is no such object, or no container for it.' },
  406: { description: '`Accept` names only media types that cannot be made of this, such as the CDMI form of another kind of object.' },
  412: { description: 'A condition does not hold. Nothing was changed.' }
} as const

export const cdmiReadSchema: FastifySchema = {
  ...described('Read an object in its CDMI form', 'With `Accept: application/cdmi-object` (or `-container`, `-capability`): the object as JSON; with `multipart/mixed`: its JSON and its value in parts. The query names fields, and narrows some: `?objectID&value=0-99&metadata=pre&children=0-9`.'),
  response: { 200: { description: 'The object.' }, ...refusals, 416: { description: 'A range is not within the value.' } }
}

const write = (summary: string, description: string, done: Record<number, { description: string }>): FastifySchema => ({
  ...described(summary, description),
  response: { ...done, 202: { description: 'A part of the value is stored (`X-CDMI-Partial`); others are missing.' }, ...refusals, 409: { description: 'There is an object of another kind at this URI.' }, 413: { description: 'The value or the other fields are longer than the limit of this server.' }, 507: { description: 'There is no space left. Nothing was changed.' } }
})

const pending = { description: 'Made, but its value is still to come from another server; `Location` has its URI, and its `completionStatus` tells when it is there.' }

export const cdmiPutSchema = write('Make or change an object in its CDMI form',
  'With the Content-Type `application/cdmi-object`, `application/cdmi-container`, or `multipart/mixed` with the former as its first part. An object that exists keeps its ID and what the body does not name.',
  { 201: { description: 'Created; the answer is the object without its value.' }, 202: pending, 204: { description: 'Changed.' } })

export const cdmiPatchSchema = write('Change an object in its CDMI form',
  'The query may name fields, metadata items or a range of the value: `?metadata=colour`, `?value=21-24`; then nothing else changes.',
  { 204: { description: 'Changed.' } })

export const cdmiPostSchema = write('Make a data object that the server names',
  'In a container, where its ID is its name, or without a path, at `/cdmi_objectid/`.',
  { 201: { description: 'Created; `Location` has its URI.' }, 202: pending })
