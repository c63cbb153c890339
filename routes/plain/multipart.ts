/**
 * @fastify/multipart as a reader of single requests. It is not registered on the application: an application that mounts this plugin may
 * have registered it for its own routes, with its own options, and Fastify allows its decorators only once in a line of scopes.
 * So it is given a stand-in for an application, and what it would decorate requests with is in a stand-in for the request of a form alone.
 */
import multipart, { type Multipart } from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'

type PartsOptions = NonNullable<Parameters<FastifyRequest['parts']>[0]>
type ContentTypeParser = (request: FastifyRequest, payload: undefined, done: () => void) => void

const members: Record<string | symbol, PropertyDescriptor> = {}
let markAsForm: ContentTypeParser = () => {}

const application = {
  initialConfig: {},
  decorate () {},
  // For temporary files, which only other ways to read a form make.
  addHook () {},
  hasRequestDecorator: () => false,
  decorateRequest (name: string | symbol, value: unknown) { members[name] = { value, writable: true } },
  addContentTypeParser (_type: string, parser: ContentTypeParser) { markAsForm = parser }
}
multipart(application as unknown as FastifyInstance, {}, () => {})

const silent: Pick<FastifyRequest['log'], 'debug' | 'trace'> = { debug () {}, trace () {} }

/**
 * All of a request that a form is read from. The request itself is no prototype of it: an object that is one gets a shape of its own, and all that reads
 * the request after that is slow.
 */
class FormRequest {
  /** Nothing is logged: it would be the header of the request, with the password. */
  readonly log = silent
  constructor (readonly raw: FastifyRequest['raw']) {}
}
Object.defineProperties(FormRequest.prototype, members)

/** The parts of a `multipart/form-data` request whose body is unread. */
export function partsOf ({ raw }: FastifyRequest, options: PartsOptions): AsyncIterableIterator<Multipart> {
  const form = new FormRequest(raw) as unknown as FastifyRequest
  markAsForm(form, undefined, () => {})
  return form.parts(options)
}
