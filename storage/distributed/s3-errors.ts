/** From what an S3 server or the network says to what the contract says. */
import { StorageError, type StorageReason } from '../contract.js'
import { readXml, textOf } from './s3-xml.js'

/** An answer that is not the one that was asked for. */
export class S3Refusal extends Error {
  override readonly name = 'S3Refusal'

  constructor (
    readonly status: number,
    /** The server's word for it (NoSuchKey, SlowDown …), or `HTTP 502`. */
    readonly code: string,
    message: string,
    readonly headers: Readonly<Record<string, string | string[] | undefined>>
  ) { super(message) }
}

/** Reads the error out of an answer. HEAD has no body: the status alone tells. */
export function refusalOf (status: number, headers: S3Refusal['headers'], body: string): S3Refusal {
  const error = readXml(body, 'Error')
  const code = error === undefined ? '' : textOf(error, 'Code')
  const message = error === undefined ? '' : textOf(error, 'Message')
  return new S3Refusal(status, code === '' ? `HTTP ${status}` : code.slice(0, 100), message.slice(0, 300), headers)
}

const passing = new Set(['InternalError', 'SlowDown', 'ServiceUnavailable', 'RequestTimeout', 'OperationAborted', 'Throttling', 'RequestThrottled', 'TooManyRequests', 'ConditionalRequestConflict'])
/** The bytes were damaged on their way; the server has kept nothing. */
const damaged = new Set(['BadDigest', 'InvalidDigest', 'XAmzContentSHA256Mismatch', 'XAmzContentChecksumMismatch', 'IncompleteBody'])
const full = new Set(['QuotaExceeded', 'InsufficientStorage', 'InsufficientCapacity', 'EntityTooLarge', 'XMinioStorageFull', 'XMinioAdminBucketQuotaExceeded', 'TooManyBuckets'])

/** Whether the same request may well succeed later: 429, 5xx but not 501 (not offered) or 507 (full), and what servers say with 4xx instead. */
export function isPassing (error: unknown): boolean {
  if (error instanceof S3Refusal) {
    if (full.has(error.code)) return false
    return passing.has(error.code) || damaged.has(error.code) || error.status === 429 || (error.status >= 500 && error.status !== 501 && error.status !== 507)
  }
  return isNetworkError(error)
}

/** What Node, OpenSSL's sockets and undici say when a connection does not come about or breaks. Certificates that are not trusted do not become so by waiting. */
export function isNetworkError (error: unknown): boolean {
  return /^(E(?!RR_)[A-Z0-9_]+|UND_ERR_(SOCKET|CONNECT_TIMEOUT|HEADERS_TIMEOUT|BODY_TIMEOUT|RES_CONTENT_LENGTH_MISMATCH)|HPE_[A-Z_]+|ERR_SSL_[A-Z0-9_]+)$/.test(codeOf(error)) && !isUntrusted(error)
}

function isUntrusted (error: unknown): boolean {
  return /CERT|ERR_TLS|SELF_SIGNED|UNABLE_TO_/.test(codeOf(error))
}

function codeOf (error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : ''
}

/** The StorageError for what went wrong; StorageErrors and what is a fault of this program are passed on. `doing` is half a sentence: "writing x". */
export function s3Error (error: unknown, doing: string, redact: (text: string) => string): unknown {
  if (error instanceof StorageError) return error
  if (error instanceof S3Refusal) {
    const { reason, advice } = meaningOf(error)
    const said = [error.code, ...(error.message === '' ? [] : [`"${error.message}"`])].join(' ')
    return new StorageError(reason, redact(`${doing}: the server answers ${error.status} ${said}${advice === '' ? '' : `; ${advice}`}`))
  }
  if (isUntrusted(error)) return new StorageError('unavailable', `${doing}: the certificate of the server is not trusted (${codeOf(error)}); NODE_EXTRA_CA_CERTS can name the authority that signed it`, { cause: error })
  if (isNetworkError(error)) return new StorageError('unavailable', `${doing}: ${networkSentence(error)}`, { cause: error })
  return error
}

function networkSentence (error: unknown): string {
  const message = error instanceof Error ? error.message : ''
  // An attempt on several addresses has no sentence of its own.
  return message === '' ? codeOf(error) : message
}

interface Meaning { readonly reason: StorageReason, readonly advice: string }

function meaningOf ({ status, code, headers }: S3Refusal): Meaning {
  if (full.has(code) || status === 507) return { reason: 'full', advice: 'there is no room for this: raise the quota or remove something' }
  switch (code) {
    case 'NoSuchBucket': return { reason: 'unavailable', advice: 'the bucket does not exist: create it, or correct its name or the endpoint' }
    case 'NoSuchKey': return { reason: 'missing', advice: '' }
    case 'InvalidRange': return { reason: 'corrupt', advice: 'the object is shorter than what was written' }
    case 'PreconditionFailed': return { reason: 'corrupt', advice: 'the object was overwritten by somebody else; nothing but this store may write below its prefix' }
    case 'SignatureDoesNotMatch': return { reason: 'permission', advice: 'the secret access key is wrong, or a proxy changes the requests on their way' }
    case 'InvalidAccessKeyId': return { reason: 'permission', advice: 'the server does not know the access key' }
    case 'ExpiredToken': case 'InvalidToken': case 'TokenRefreshRequired': return { reason: 'permission', advice: 'the session token is no longer good: give new credentials' }
    case 'RequestTimeTooSkewed': return { reason: 'unavailable', advice: 'the clock of this machine is wrong' }
    case 'AuthorizationHeaderMalformed': case 'PermanentRedirect': case 'TemporaryRedirect': case 'IllegalLocationConstraintException':
      return { reason: 'unavailable', advice: regionAdvice(headers['x-amz-bucket-region']) }
  }
  if (status === 301 || status === 307) return { reason: 'unavailable', advice: regionAdvice(headers['x-amz-bucket-region']) }
  if (status === 401 || status === 403) return { reason: 'permission', advice: 'these credentials may not do this: the store lists, reads, writes and deletes below its prefix' }
  return { reason: 'unavailable', advice: '' }
}

function regionAdvice (region: string | string[] | undefined): string {
  return typeof region === 'string' ? `the bucket is in the region ${region}: give that as the region` : 'the bucket is somewhere else: correct the region or the endpoint'
}
