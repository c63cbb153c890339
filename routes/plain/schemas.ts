/**
 * What the manual (OpenAPI) says of the plain HTTP door, and with it of the CDMI door on the same URIs. Nothing is validated by these: the fields of HTTP have grammars of their
 * own, with rules for what is refused and what is ignored, and the door reads them by those.
 */
// For the fields of the manual (summary, tags, hide) in Fastify's type of a schema.
import type {} from '@fastify/swagger'
import type { FastifySchema, FastifySchemaCompiler } from 'fastify'
import { type TSchema, Type } from '../../schemas/typebox.js'
import { cdmiPatchSchema, cdmiPutSchema, cdmiReadSchema } from '../cdmi/schemas.js'

/** For routes whose schema is there to be read only. */
export const noValidation: FastifySchemaCompiler<FastifySchema> = () => () => true

const text = (description: string): TSchema => Type.Optional(Type.String({ description }))

const conditions = {
  'if-match': text('`*` or a list of entity tags: only if the object is one of these.'),
  'if-none-match': text('`*` or a list of entity tags: only if the object is none of these; `*`: only if there is none.'),
  'if-unmodified-since': text('An HTTP date: only if the object was not changed after it.')
}

const writing = {
  ...conditions,
  'content-type': text('Media type of the value; becomes the `mimetype` of the object. `charset=utf-8` makes its `valuetransferencoding` `utf-8`, which the bytes must then be.'),
  'content-range': text('`bytes first-last/length`: the body goes there, the rest of the value stays.'),
  'x-cdmi-partial': text('The body is a part of the value. `true`: more is to come; `false`: this is the last. `upload-id=<id>`, with `;count=<n>` or `;range=<first>-<last>`, and `;replace=true` or `false`: a part of the set of that ID, which is complete when the condition holds.')
}

const validators = {
  etag: { type: 'string', description: 'Strong entity tag; another one after each change.' }
}

const refusals = {
  400: { description: 'The request is wrong; the answer says what. Nothing was changed.' },
  401: { description: 'Credentials are missing or wrong.' },
  403: { description: 'Known, but not allowed.' },
  404: { description: 'There is no such object, or no container for it.' },
  412: { description: 'A condition does not hold. Nothing was changed.' }
} as const

/** Of writes: the type of the body is never a reason, for every type is kept or means something. */
export const contentCoding = { description: 'The body has a content coding (`Content-Encoding`); values are taken as they are.' }

const moved = {
  301: { description: 'This is a container; `Location` has its URI, which ends in a slash. Nothing was done.' },
  302: { description: 'This is a reference; `Location` has the URI that it leads to. Nothing was done.' }
} as const

type Responses = Record<string, object>

/**
 * One method of a URI in both forms, for OpenAPI knows no two operations that differ by their media types alone. An answer that both may give is
 * described in the words of plain HTTP.
 */
export function inBothForms (plain: FastifySchema, cdmi: FastifySchema): FastifySchema {
  return {
    ...plain,
    tags: [...plain.tags ?? [], ...cdmi.tags ?? []],
    description: `**Plain HTTP.** ${plain.description}\n\n**CDMI.** ${cdmi.summary}. ${cdmi.description}`,
    response: { ...cdmi.response as Responses, ...plain.response as Responses }
  }
}

/** The root URI without its slash is a URI of no resource; it is not in the manual. */
const shown = (url: string): { tags: string[], hide: boolean } => ({ tags: ['plain HTTP'], hide: url === '' })

export const readSchema = (url: string): FastifySchema => inBothForms({
  ...shown(url),
  summary: 'Read a value, or list a container',
  description: 'A URI without a slash at its end: the bytes of the data object, or ranges of them. With one: the names of the children of the container.',
  headers: Type.Object({
    ...conditions,
    'if-modified-since': text('An HTTP date: only if the object was changed after it.'),
    range: text('`bytes=first-last`, `bytes=first-` or `bytes=-count`; several with commas between them.'),
    'if-range': text('An entity tag or HTTP date: the ranges only if the object is still this one, else all of it.'),
    accept: text('For containers: `text/html` or `application/json`. A media type of CDMI, or `multipart/mixed`: the CDMI form.')
  }),
  response: {
    200: { description: 'The value, as it was written, or the listing.', headers: validators },
    202: { description: 'The value is being written in parts; it is withheld until the last one. No body.' },
    206: { description: 'The ranges asked for: one as it is, several as `multipart/byteranges`.', headers: validators },
    ...moved,
    304: { description: 'The client has the current value.' },
    ...refusals,
    416: { description: 'None of the ranges is within the value; `Content-Range` has its length.' }
  }
}, cdmiReadSchema)

const writeSchema = (url: string, summary: string, description: string, done: Record<number, { description: string }>): FastifySchema => ({
  ...shown(url),
  summary,
  description,
  headers: Type.Object(writing),
  response: {
    ...done,
    202: { description: 'The part is stored; others are missing.' },
    ...moved,
    ...refusals,
    409: { description: 'There is an object of another kind at this URI.' },
    413: { description: 'The value is longer than the limit of this server.' },
    415: contentCoding,
    507: { description: 'There is no space left. Nothing was changed.' }
  }
})

export const putSchema = (url: string): FastifySchema => inBothForms(writeSchema(url, 'Write a data object, or make a container',
  'A URI without a slash at its end: the body becomes the value of the data object, which is made if it does not exist, and keeps its ID if it does. With a slash: makes a container; no body.',
  { 201: { description: 'Created.' }, 204: { description: 'Replaced; or the container was there already.' } }), cdmiPutSchema)

export const patchSchema = (url: string): FastifySchema => inBothForms(writeSchema(url, 'Change a data object',
  'The body becomes the value, or a range of it, of a data object that exists. Without a Content-Type it keeps its own.',
  { 204: { description: 'Changed.' } }), cdmiPatchSchema)

export const deleteSchema = (url: string): FastifySchema => ({
  ...shown(url),
  summary: 'Delete a data object, or a container with all below it',
  headers: Type.Object(conditions),
  response: {
    204: { description: 'It is gone, by its path and by its ID.' },
    ...moved,
    ...refusals,
    409: { description: 'The root container cannot be deleted.' }
  }
})

export const optionsSchema = (url: string): FastifySchema => ({
  ...shown(url),
  summary: 'Ask for the methods of a resource',
  response: { 204: { description: '`Allow` lists them.' } }
})
