/**
 * From anything that was thrown to what a caller may learn of it: one translation for every door. Below 500 the sentence is for
 * the user; from 500 on it says nothing of the inside, except where the error table has a reason that helps (503, 507).
 */
import { STATUS_CODES } from 'node:http'
import { StorageError, type StorageReason } from '../storage/contract.js'
import { IncompleteBody, IsReference, MissingSlash, StorageFull, StorageUnavailable } from './errors.js'

export interface ErrorDescription {
  /** HTTP status number; doors without HTTP send it as it is (KEY-21). */
  readonly status: number
  /** Name of the error, from the error table or from Fastify (`FST_…`). */
  readonly code: string
  /** One sentence for the caller. Never a path of the disk, never a stack trace. */
  readonly message: string
  /** Lower-case header fields that belong to the answer. */
  readonly headers: Readonly<Record<string, string>>
}

/** Seconds after which a store that was away is worth another try. */
const retryAfter = '5'

const internal: ErrorDescription = {
  status: 500,
  code: 'CDMI_INTERNAL',
  message: 'Something went wrong inside the server; its log tells more under the request ID',
  headers: {}
}

const storageReasons: Readonly<Record<StorageReason, () => ErrorDescription>> = {
  full: () => described(new StorageFull()),
  unavailable: () => described(new StorageUnavailable()),
  permission: () => described(new StorageUnavailable()),
  locked: () => described(new StorageUnavailable()),
  missing: () => internal,
  corrupt: () => internal,
  // A newer build may have changed it since it was opened; others may have it right.
  format: () => described(new StorageUnavailable())
}

/** From 500 on only these say why, and only in words of the error table. */
const telling: ReadonlySet<number> = new Set([501, 503, 507])

/** Sentences of our own where Fastify's speak to the programmer. */
const frameworkMessages: Readonly<Record<string, string>> = {
  FST_ERR_BAD_URL: 'The URI has a percent-escape that is not valid UTF-8',
  FST_ERR_CTP_BODY_TOO_LARGE: 'The body is longer than this server accepts here',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'The body is empty; JSON is expected',
  FST_ERR_CTP_INVALID_JSON_BODY: 'The body is not valid JSON',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'The body is not as long as Content-Length says',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'A body of this Content-Type is not accepted here',
  FST_ERR_MAX_PARAM_LENGTH: 'The name in the URI is too long'
}

/**
 * Adds header fields (lower case) to an error, for the answer that it will become; returns the error.
 *
 * ```ts
 * throw withHeaders(new TooManyRequests('…'), { 'retry-after': '30' })
 * ```
 */
export function withHeaders<E extends Error> (error: E, headers: Record<string, string>): E {
  return Object.assign(error, { headers: { ...headersOf(error), ...headers } })
}

/** What the caller learns. Never throws, whatever it is given. */
export function describeError (error: unknown): ErrorDescription {
  if (error instanceof StorageError) return storageReasons[error.reason]?.() ?? internal
  if (error instanceof MissingSlash) return { status: 301, code: 'CDMI_MISSING_SLASH', message: error.message, headers: {} }
  if (error instanceof IsReference) return { status: 302, code: 'CDMI_IS_REFERENCE', message: error.message, headers: {} }
  if (!(error instanceof Error)) return internal
  const { code, status } = numbers(error)
  if (isHangUp(error)) return described(new IncompleteBody('The connection ended before the body did'))
  if (status === undefined) return internal
  return status < 500 || (code.startsWith('CDMI_') && telling.has(status)) ? described(error) : { ...internal, status }
}

/** Of too much work the log has a line for all; limits are the operator's own. */
const intended: ReadonlySet<string> = new Set(['CDMI_OVERLOADED', 'CDMI_QUOTA_EXCEEDED', 'CDMI_CONTAINER_FULL'])

/** True for what the operator should hear of each time: the fault is not the caller's. */
export function isServerFault ({ status, code }: ErrorDescription): boolean {
  return status >= 500 && status !== 501 && !intended.has(code)
}

/** True for Node's errors about a caller that went away in the middle of its body. */
export function isHangUp (error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code } = error as NodeJS.ErrnoException
  return (code === 'ECONNRESET' && error.message === 'aborted') || code === 'ERR_STREAM_PREMATURE_CLOSE'
}

/** The reason phrase of a status number, for `statusText` and titles (CLI-41). */
export function reasonPhrase (status: number): string {
  return STATUS_CODES[status] ?? 'Unknown'
}

/** An error of the table, or of Fastify, with a status number. */
function described (error: Error): ErrorDescription {
  const { code, status = 500 } = numbers(error)
  const headers = headersOf(error)
  if (status === 503 && headers['retry-after'] === undefined) headers['retry-after'] = retryAfter
  return { status, code, message: frameworkMessages[code] ?? error.message, headers }
}

function numbers (error: Error): { code: string, status: number | undefined } {
  const { code, statusCode } = error as { code?: unknown, statusCode?: unknown }
  const status = typeof statusCode === 'number' && Number.isInteger(statusCode) && statusCode >= 300 && statusCode <= 599 ? statusCode : undefined
  return { code: typeof code === 'string' ? code : `HTTP_${status ?? 500}`, status }
}

function headersOf (error: Error): Record<string, string> {
  const { headers } = error as { headers?: unknown }
  if (typeof headers !== 'object' || headers === null) return {}
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]))
}
