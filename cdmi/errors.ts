/**
 * Every error that the model and the doors answer with, once. The door renders them in its own form.
 * Status numbers stand here and nowhere else in the model. Messages say what was wrong and what to do.
 */
import createError from '@fastify/error'

export const NotFound = createError<[string]>('CDMI_NOT_FOUND', '%s does not exist', 404)
export const ParentNotFound = createError<[string]>('CDMI_PARENT_NOT_FOUND', 'The container %s does not exist; create it first', 404)
export const AlreadyExists = createError<[string]>('CDMI_ALREADY_EXISTS', '%s already exists', 409)
export const NotComplete = createError<[string]>('CDMI_NOT_COMPLETE', '%s', 409)
export const InvalidName = createError<[string]>('CDMI_INVALID_NAME', '%s', 400)
export const InvalidObjectID = createError<[string]>('CDMI_INVALID_OBJECT_ID', '%s', 400)
export const InvalidRequest = createError<[string]>('CDMI_INVALID_REQUEST', '%s', 400)
export const CapabilityMissing = createError<[string, string]>('CDMI_CAPABILITY_MISSING', 'The capability %s is not offered by %s, so this cannot be done; nothing was changed', 400)
export const InvalidJson = createError<[string]>('CDMI_INVALID_JSON', '%s', 400)
export const InvalidRange = createError<[string]>('CDMI_INVALID_RANGE', '%s', 400)
export const RangeNotSatisfiable = createError<[string]>('CDMI_RANGE_NOT_SATISFIABLE', '%s', 416)
export const NotUtf8 = createError<[]>('CDMI_NOT_UTF8', 'The value is declared as UTF-8 text (charset=utf-8) but is not valid UTF-8; leave the charset out or send UTF-8', 400)
export const IncompleteBody = createError<[string]>('CDMI_INCOMPLETE_BODY', '%s', 400)
export const IsNotContainer = createError<[string]>('CDMI_IS_NOT_CONTAINER', '%s is not a container', 404)
export const RootUndeletable = createError<[]>('CDMI_ROOT_UNDELETABLE', 'The root container cannot be deleted', 409)
export const PreconditionFailed = createError<[string]>('CDMI_PRECONDITION_FAILED', '%s', 412)
export const NotModified = createError<[]>('CDMI_NOT_MODIFIED', 'Not modified', 304)
export const TooLarge = createError<[string]>('CDMI_TOO_LARGE', '%s', 413)
export const UnsupportedMediaType = createError<[string]>('CDMI_UNSUPPORTED_MEDIA_TYPE', '%s', 415)
export const TransferCodingUnknown = createError<[]>('CDMI_TRANSFER_CODING_UNKNOWN', 'The body has a Transfer-Encoding other than "chunked"; send it without', 501)
export const NotAcceptable = createError<[string]>('CDMI_NOT_ACCEPTABLE', '%s', 406)
export const MethodNotAllowed = createError<[string, string]>('CDMI_METHOD_NOT_ALLOWED', 'The method %s is not offered here; use one of %s', 405)
export const Unauthorized = createError<[]>('CDMI_UNAUTHORIZED', 'Credentials are missing or wrong', 401)
export const Forbidden = createError<[string]>('CDMI_FORBIDDEN', '%s', 403)
export const TooManyRequests = createError<[string]>('CDMI_TOO_MANY_REQUESTS', '%s', 429)
export const Contention = createError<[]>('CDMI_CONTENTION', 'The object is being changed by too many writers at once; try again', 503)
export const Overloaded = createError<[string]>('CDMI_OVERLOADED', '%s; nothing was done. Try again in a moment', 503)
export const StorageFull = createError<[]>('CDMI_STORAGE_FULL', 'There is no space left to store this; nothing was changed', 507)
export const QuotaExceeded = createError<[string]>('CDMI_QUOTA_EXCEEDED', '%s; nothing was changed', 507)
export const ContainerFull = createError<[string]>('CDMI_CONTAINER_FULL', '%s; nothing was changed', 507)
export const LeavesQuota = createError<[string]>('CDMI_LEAVES_QUOTA', '%s; nothing was changed', 409)
export const StorageUnavailable = createError<[]>('CDMI_STORAGE_UNAVAILABLE', 'The store cannot take this request now; nothing is known to have changed. Try again later', 503)
export const KeyNotFound = createError<[string]>('KEY_NOT_FOUND', '%s not found.', 404)
export const KeyExists = createError<[string]>('KEY_EXISTS', '%s already exists.', 406)
export const NotAKeyedRecord = createError<[string]>('KEY_NOT_JSON', '%s exists but is not a JSON record; read it as a data object, at the same path below the root URI', 409)

/** What `copy` or `move` names cannot be copied or moved here (CMV-07, AMB-24). */
export const SourceUnusable = createError<[string]>('CDMI_SOURCE_UNUSABLE', '%s; nothing was changed', 400)

/** The URI of a container without its slash (HCO-02): nothing was done, `path` is the right CDMI path. Doors that have redirects answer with one. */
export class MissingSlash extends Error {
  override readonly name = 'MissingSlash'
  constructor (readonly path: string) { super(`This is a container; its URI ends in "/": ${path}`) }
}

/**
 * The object is a reference (GEN-48): nothing was done. `target`: the URI that it was made with, a CDMI path or an absolute URI. Doors that have
 * redirects answer with one.
 */
export class IsReference extends Error {
  override readonly name = 'IsReference'
  constructor (readonly target: string) { super(`This is a reference to ${target}; ask there`) }
}
