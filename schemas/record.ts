/**
 * What the model keeps in a record's `attributes` (design: objects; DOC-01, DOC-51). Drivers never look inside.
 */
import Type, { type Static } from 'typebox'

/** The standard's value transfer encodings (DOC-04). */
export const ValueTransferEncoding = Type.Union([Type.Literal('utf-8'), Type.Literal('base64'), Type.Literal('json')])
export type ValueTransferEncoding = Static<typeof ValueTransferEncoding>

/** Microseconds since 1970-01-01T00:00:00Z: the standard's instants have six fraction digits (GEN-32). */
export const Instant = Type.Integer({ minimum: 0 })

export const RecordAttributes = Type.Object({
  /** User metadata and data system metadata as clients gave them (GEN-34, GEN-35). */
  metadata: Type.Record(Type.String(), Type.Unknown()),
  /** `Complete`, `Processing`, or `Error` with a text (DOC-22). */
  completionStatus: Type.String(),
  created: Instant,
  /** Last change of anything: value, metadata, name. */
  modified: Instant,
  /** Data objects only: media type of the value, lower case (HDO-03, AMB-09). */
  mimetype: Type.Optional(Type.String()),
  /** Data objects only. */
  valuetransferencoding: Type.Optional(ValueTransferEncoding)
})
export type RecordAttributes = Static<typeof RecordAttributes>
