/** The parts of a form upload, one after the other, from the stream (RFC 7578; HCO-14, CLI-30 to CLI-32). */
import type { Readable } from 'node:stream'
import type { Multipart, MultipartFile } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import { IncompleteBody, InvalidRequest, TooLarge } from '../../cdmi/errors.js'
import { valueTypeOf, type ValueType } from '../http/content-type.js'
import { partsOf } from './multipart.js'
import { boundaryOf, FormHeads, maxHeadBytes, type PartHead } from './form-heads.js'

export interface FormLimits {
  readonly formFiles: number
  readonly formFields: number
  readonly formFieldSize: number
}

export interface FilePart {
  readonly kind: 'file'
  /** As the browser or program meant it, directories and all; empty: it gave none. */
  readonly fileName: string
  readonly type: ValueType
  /** Must be read to its end, or the iteration over the parts ended, before the next part comes. */
  readonly source: AsyncIterable<Uint8Array>
}

export interface FieldPart {
  readonly kind: 'field'
  readonly name: string
  /** Text; what it stood for when the field was declared to be JSON. */
  readonly value: unknown
}

export type FormPart = FilePart | FieldPart

const maxBoundary = 70
/** Bytes that each of the parser's streams holds before it stops the one before it. Node's default is less than one piece that arrives: each would stop them all, and each restart is a turn. */
const heldAtMost = 128 * 1024

/**
 * Reads the form. Throws InvalidRequest or IncompleteBody for a form that is broken or cut off, and only after its last byte is it
 * known not to be; TooLarge beyond the limits. Whoever ends the iteration early leaves the rest of the body unread.
 */
export async function * formParts (request: FastifyRequest, limits: FormLimits): AsyncGenerator<FormPart, undefined> {
  const boundary = boundaryOf(request.headers['content-type'] ?? '')
  if (boundary === undefined) throw new InvalidRequest('The Content-Type of the form has no boundary; let the client set this header itself')
  if (boundary.length > maxBoundary) throw new InvalidRequest(`The boundary in the Content-Type of the form is longer than ${maxBoundary} characters (RFC 2046 §5.1.1)`)
  const heads = new FormHeads(boundary)
  const listen = (chunk: Uint8Array): void => { heads.push(chunk) }
  const parts = partsOf(request, parserOptions(limits))
  let count = 0
  try {
    request.raw.on('data', listen)
    for (let part = await nextPart(parts, limits); part !== undefined; part = await nextPart(parts, limits)) {
      count++
      refuseOverlong(heads)
      const head = heads.next()
      yield part.type === 'file' ? filePart(part, head) : fieldPart(part.fieldname, part.value, part.valueTruncated, part.mimetype, limits)
    }
    refuseOverlong(heads)
    if (count !== heads.begun) throw new InvalidRequest('The form has a part without a readable head ("Content-Disposition: form-data; name=…", a blank line, the value); nothing was stored')
  } finally {
    request.raw.off('data', listen)
    request.raw.unpipe()
    await parts.return?.()
  }
}

function refuseOverlong ({ overlong }: FormHeads): void {
  if (overlong) throw new InvalidRequest(`The form has a part whose head is longer than ${maxHeadBytes} bytes; nothing was stored`)
}

function parserOptions ({ formFiles, formFields, formFieldSize }: FormLimits): NonNullable<Parameters<FastifyRequest['parts']>[0]> {
  return {
    highWaterMark: heldAtMost,
    fileHwm: heldAtMost,
    // Directories are taken off by the model, from every way to write them.
    preservePath: true,
    // The parser cuts a longer file off; the model refuses it.
    limits: { files: formFiles, fields: formFields, fieldSize: formFieldSize, fileSize: Infinity, parts: Infinity }
  }
}

async function nextPart (parts: AsyncIterator<Multipart>, limits: FormLimits): Promise<Multipart | undefined> {
  try {
    const next = await parts.next()
    return next.done === true ? undefined : next.value
  } catch (error) {
    throw refusal(error, limits)
  }
}

/** Everything that the parser throws is about the form. */
function refusal (error: unknown, limits: FormLimits): Error {
  const { code, message } = error as NodeJS.ErrnoException
  switch (code) {
    case 'FST_FILES_LIMIT': return new TooLarge(`The form has more than ${limits.formFiles} files, the limit of this server; nothing was stored`)
    case 'FST_FIELDS_LIMIT': return new TooLarge(`The form has more than ${limits.formFields} text fields, the limit of this server; nothing was stored`)
    case 'FST_PROTO_VIOLATION': return new InvalidRequest('The form has a field named like a property that every object has ("__proto__", "constructor" …), which is refused; nothing was stored')
    case 'FST_INVALID_JSON_FIELD_ERROR': return new InvalidRequest(`The form has a field of type application/json that is not valid JSON, or longer than ${limits.formFieldSize} bytes; nothing was stored`)
  }
  return broken(message)
}

function broken (reason: string): Error {
  return new IncompleteBody(`The form is broken or was cut off; nothing was stored (${reason})`)
}

function filePart (part: MultipartFile, head: PartHead | undefined): FilePart {
  const extended = head?.extendedFileName
  const contentType = head?.field('content-type')
  return {
    kind: 'file',
    fileName: extended ?? unescapeFileName(part.filename ?? ''),
    type: partType(contentType),
    source: fileBytes(part.file)
  }
}

/**
 * Browsers write exactly these three characters of a file name as percent-escapes, and nothing else (HTML, "multipart/form-data
 * encoding algorithm"): a name with other escapes in it means them as they are.
 */
function unescapeFileName (fileName: string): string {
  return fileName.replaceAll('%22', '"').replaceAll('%0D', '\r').replaceAll('%0A', '\n')
}

/** A file without a type is bytes (RFC 7578 §4.4); one with a type that cannot be read is no reason to refuse the form. */
function partType (contentType: string | undefined): ValueType {
  const bytes: ValueType = { mimetype: 'application/octet-stream', valuetransferencoding: 'base64' }
  try {
    return valueTypeOf(contentType) ?? bytes
  } catch {
    return bytes
  }
}

async function * fileBytes (file: Readable): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of file) yield chunk as Uint8Array
  } catch (error) {
    throw broken(error instanceof Error ? error.message : 'the connection ended')
  }
}

function fieldPart (name: string | undefined, value: unknown, truncated: boolean, mimetype: string, { formFieldSize }: FormLimits): FieldPart {
  if (truncated) throw new TooLarge(`The form has a text field longer than ${formFieldSize} bytes, the limit of this server; nothing was stored`)
  // Left to RFC 2388; nobody would find the files in it.
  if (/^multipart\//i.test(mimetype)) throw new InvalidRequest('The form has a part that is itself multipart (RFC 7578 §4.3); send each file as a part of its own')
  return { kind: 'field', name: name ?? '', value }
}
