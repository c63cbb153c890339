/** Several ranges in one answer (RFC 9110 §14.6). */
import type { Content } from '../../cdmi/values.js'
import { formatContentRange } from './content-range.js'
import { type MultipartAnswer, multipartAnswer } from './multipart-answer.js'

/** Bytes that a part costs beside its content and its type; not exact, for choosing between ranges and the whole. */
export const partOverhead = 130

/** `type` is the media type of the value, `size` its whole length. */
export function multipartByteranges (contents: readonly Content[], type: string, size: number): MultipartAnswer {
  return multipartAnswer('byteranges', contents.map(content => ({
    headers: { 'Content-Type': type, 'Content-Range': formatContentRange(content, size) },
    body: content
  })))
}
