/** The parts of a form upload, one after the other, from the stream (RFC 7578; HCO-14, CLI-30 to CLI-32). */
import { TextDecoder } from 'node:util'
import type { FastifyRequest } from 'fastify'
import { InvalidJson, InvalidRequest, TooLarge } from '../../cdmi/errors.js'
import { parseJson } from '../../cdmi/json-value.js'
import { valueTypeOf, type ValueType } from '../http/content-type.js'
import { PartReader } from '../http/part-reader.js'
import { bodyOf } from '../http/source.js'
import { boundaryOf, PartHead } from './part-head.js'

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
  /** What is left of it when the next part is asked for is dropped. */
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
/** Longest head of a part, in bytes. */
export const maxHeadBytes = 64 * 1024

/**
 * Reads the form. Throws InvalidRequest or IncompleteBody for a form that is broken or cut off, and only after its last byte is it
 * known not to be; TooLarge beyond the limits. Whoever ends the iteration early leaves the rest of the body unread.
 */
export async function * formParts (request: FastifyRequest, limits: FormLimits): AsyncGenerator<FormPart, undefined> {
  const boundary = boundaryOf(request.headers['content-type'] ?? '')
  if (boundary === undefined) throw new InvalidRequest('The Content-Type of the form has no boundary; let the client set this header itself')
  if (boundary.length > maxBoundary) throw new InvalidRequest(`The boundary in the Content-Type of the form is longer than ${maxBoundary} characters (RFC 2046 §5.1.1)`)
  const reader = new PartReader(bodyOf(request.raw), boundary, maxHeadBytes)
  let files = 0
  let fields = 0
  try {
    for (let text = await reader.head(); text !== undefined; text = await reader.head()) {
      const head = new PartHead(text)
      if (!head.readable) throw new InvalidRequest('The form has a part without a readable head ("Content-Disposition: form-data; name=…", a blank line, the value); nothing was stored')
      if (head.name in Object.prototype) throw new InvalidRequest('The form has a field named like a property that every object has ("__proto__", "constructor" …), which is refused; nothing was stored')
      const { fileName } = head
      if (fileName !== undefined || head.type === 'application/octet-stream') {
        if (++files > limits.formFiles) throw new TooLarge(`The form has more than ${limits.formFiles} files, the limit of this server; nothing was stored`)
        yield { kind: 'file', fileName: fileName ?? '', type: partType(head.field('content-type')), source: new PartBody(reader) }
      } else {
        if (++fields > limits.formFields) throw new TooLarge(`The form has more than ${limits.formFields} text fields, the limit of this server; nothing was stored`)
        yield { kind: 'field', name: head.name, value: await fieldValue(reader, head, limits) }
      }
    }
  } finally {
    reader.release()
  }
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

/** Not a generator: for each chunk that costs several times as much. */
class PartBody implements AsyncIterableIterator<Uint8Array> {
  readonly #reader: PartReader

  constructor (reader: PartReader) {
    this.#reader = reader
  }

  [Symbol.asyncIterator] (): this {
    return this
  }

  async next (): Promise<IteratorResult<Uint8Array>> {
    const value = await this.#reader.piece()
    return value === undefined ? { done: true, value: undefined } : { done: false, value }
  }
}

async function fieldValue (reader: PartReader, { type, charset }: PartHead, { formFieldSize }: FormLimits): Promise<unknown> {
  // Left to RFC 2388; nobody would find the files in it.
  if (type.startsWith('multipart/')) throw new InvalidRequest('The form has a part that is itself multipart (RFC 7578 §4.3); send each file as a part of its own')
  const json = type === 'application/json'
  const pieces: Uint8Array[] = []
  let size = 0
  for (let piece = await reader.piece(); piece !== undefined; piece = await reader.piece()) {
    size += piece.length
    if (size > formFieldSize && json) throw new InvalidRequest(`The form has a field of type application/json that is longer than ${formFieldSize} bytes; nothing was stored`)
    if (size > formFieldSize) throw new TooLarge(`The form has a text field longer than ${formFieldSize} bytes, the limit of this server; nothing was stored`)
    pieces.push(piece)
  }
  const bytes = Buffer.concat(pieces, size)
  if (!json) return decoderOf(charset).decode(bytes)
  try {
    return parseJson(bytes)
  } catch (error) {
    throw error instanceof InvalidJson ? new InvalidRequest(`The form has a field of type application/json that cannot be used: ${error.message}; nothing was stored`) : error
  }
}

function decoderOf (charset: string): TextDecoder {
  try {
    return new TextDecoder(charset, { ignoreBOM: true })
  } catch {
    // Nobody knows it.
    return new TextDecoder('utf-8', { ignoreBOM: true })
  }
}
