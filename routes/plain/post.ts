/** POST to a container: a new data object that the server names (HCO-10 to HCO-17), or the files of a form (HCO-14). */
import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyReply, FastifyRequest, FastifySchema } from 'fastify'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Address, objectIDRoot, parseAddress } from '../../cdmi/address.js'
import { InvalidRequest, MissingSlash } from '../../cdmi/errors.js'
import { entityTag } from '../../cdmi/preconditions.js'
import { Type } from '../../schemas/typebox.js'
import { cdmiPostSchema } from '../cdmi/schemas.js'
import { parseContentRange } from '../http/content-range.js'
import { parseMediaType } from '../http/content-type.js'
import { locationOf } from '../http/location.js'
import { parsePartial } from '../http/partial-header.js'
import { mountURLs, requestTarget } from '../http/request-path.js'
import { announcedLength, bodyOf } from '../http/source.js'
import { receiveForm } from './form.js'
import { answerForm, FormResult } from './form-answer.js'
import { refuseMethod } from './method-not-allowed.js'
import { contentCoding, inBothForms, noValidation } from './schemas.js'
import { refuseContentCoding, writtenType } from './write-request.js'

const postRoutes: FastifyPluginAsyncTypebox = async (app) => {
  async function post (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { path, query } = requestTarget(request.raw.url ?? '/', app.prefix)
    const address = parseAddress(path)
    if (address === objectIDRoot) {
      if (!path.endsWith('/')) throw new MissingSlash(path + '/')
    } else if (!address.slash) {
      // A container without its slash is a redirect, a missing one a 404; what is left is a data object.
      await app.cdmi.dataObjects.read(request.principal, address, () => [])
      return refuseMethod(request)
    }
    const { headers } = request.raw
    refuseContentCoding(headers['content-encoding'])
    if (parseMediaType(headers['content-type'] ?? '')?.type === 'multipart/form-data') {
      refuseParts(headers)
      return answerForm(request, reply, address, await receiveForm(request, address))
    }
    return await postValue(request, reply, address, query)
  }

  async function postValue (request: FastifyRequest, reply: FastifyReply, container: Address | typeof objectIDRoot, query: string): Promise<FastifyReply> {
    const { headers } = request.raw
    const type = writtenType(request.raw, query)
    const { object, pending } = await app.cdmi.dataObjects.create(request.principal, container, {
      source: bodyOf(request.raw),
      length: announcedLength(request.raw),
      mimetype: type?.mimetype,
      valuetransferencoding: type?.valuetransferencoding,
      range: parseContentRange(headers['content-range']),
      partial: parsePartial(headers['x-cdmi-partial'])
    })
    return reply.code(pending === true ? 202 : 201).headers({ location: locationOf(request, object), etag: entityTag(object.record) }).send()
  }

  for (const url of mountURLs(app.prefix)) {
    app.route({ method: 'POST', url, schema: postSchema(url), validatorCompiler: noValidation, handler: post })
  }
}

/** What some scripts make of a long file: many forms with a piece each. Each piece would become a file. */
function refuseParts (headers: IncomingHttpHeaders): void {
  const found = ['Content-Range', 'X-CDMI-Partial'].find(name => headers[name.toLowerCase()] !== undefined)
  if (found !== undefined) throw new InvalidRequest(`A form has whole files, and no ${found}; send the pieces of a value with PUT to its own URI`)
}

const postSchema = (url: string): FastifySchema => inBothForms({
  tags: ['plain HTTP'],
  hide: url === '',
  summary: 'Store a value, or the files of a form, in a container',
  description: 'A body of any type becomes a data object named by its object ID. The files of a `multipart/form-data` body become data objects named by their file names: all of them, or none. POST to `/cdmi_objectid/` makes objects without a path.',
  consumes: ['*/*', 'multipart/form-data'],
  headers: Type.Object({
    'content-type': Type.Optional(Type.String({ description: 'Media type of the value; becomes the `mimetype` of the object. `multipart/form-data`: the body is a form.' })),
    'content-range': Type.Optional(Type.String({ description: 'Not for forms. `bytes first-last/length`: the body goes there, what is before it reads as zeros.' })),
    'x-cdmi-partial': Type.Optional(Type.String({ description: 'Not for forms. `true`, or `upload-id=<id>` and more: the body is a part of the value; the others go to the URI in `Location`.' })),
    accept: Type.Optional(Type.String({ description: 'For forms: `text/html` for a page (browsers), else JSON.' }))
  }),
  response: {
    201: {
      description: 'Created; `Location` is the absolute URI of the object, of a form the first. No body for a value.',
      content: { 'application/json': { schema: FormResult }, 'text/html': { schema: Type.String() } }
    },
    202: { description: 'The part is stored; `Location` is the URI of the object that the other parts go to.' },
    301: { description: 'This is a container; `Location` has its URI, which ends in a slash. Nothing was done.' },
    303: { description: 'To a browser, with the option `formAnswer: "redirect"`: the form was stored; `Location` is the container.' },
    400: { description: 'The request is wrong, or its body broken or cut off. Nothing was stored.' },
    401: { description: 'Credentials are missing or wrong.' },
    403: { description: 'Known, but not allowed.' },
    404: { description: 'There is no such container.' },
    405: { description: 'This is a data object; POST goes to containers.' },
    413: { description: 'A file, the number of files or fields, or a field is beyond the limit of this server. Nothing was stored.' },
    415: contentCoding,
    507: { description: 'There is no space left. Nothing was stored.' }
  }
}, cdmiPostSchema)

export default postRoutes
