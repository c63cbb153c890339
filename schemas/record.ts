/**
 * What the model keeps in a record's `attributes` (design: objects; DOC-01, DOC-51). Drivers never look inside.
 */
import { type Static, Type } from './typebox.js'

/** The standard's value transfer encodings (DOC-04). */
export const ValueTransferEncoding = Type.Union([Type.Literal('utf-8'), Type.Literal('base64'), Type.Literal('json')])
export type ValueTransferEncoding = Static<typeof ValueTransferEncoding>

/** Microseconds since 1970-01-01T00:00:00Z: the standard's instants have six fraction digits (GEN-32). */
export const Instant = Type.Integer({ minimum: 0 })

export const RecordAttributes = Type.Object({
  /** User metadata and data system metadata as clients gave them (GEN-34, GEN-35). */
  metadata: Type.Record(Type.String(), Type.Unknown()),
  /** Who made the object, and has it on account for good. First of all attributes: see `storage/usage.ts`. Missing: it was made before that was noted. */
  owner: Type.Optional(Type.String()),
  /** `Complete`, `Processing`, or `Error` with a text (DOC-22). */
  completionStatus: Type.String(),
  created: Instant,
  /** Last change of anything: value, metadata, name. */
  modified: Instant,
  /** How often anything was changed since the object was made (MET-15). Missing: never. */
  changes: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Top-level fields that the standard does not define, as a client gave them (DOC-03, COC-16). */
  fields: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  /** Name of the template whose data system metadata the object took on last (CSE-02). */
  template: Type.Optional(Type.String()),
  /** Hash of the value, made while it was written: algorithm and hexadecimal digits (MET-16). Missing: none was made. */
  hash: Type.Optional(Type.Tuple([Type.String(), Type.String()])),
  /** The value is known to be a JSON object or array, since it was written as a keyed record. Missing: nobody knows. */
  keyed: Type.Optional(Type.Literal(true)),
  /** References only: the URI to go on to, as it was given (CMV-41). */
  reference: Type.Optional(Type.String()),
  /** Token of the transfer that makes the object, or changes what is there already: `completionStatus` is about what is there. */
  transfer: Type.Optional(Type.String()),
  /** Why the last change that was answered for before it was done failed: `Error` with a text. What is there is whole. */
  failure: Type.Optional(Type.String()),
  /** Data objects only: media type of the value, lower case (HDO-03, AMB-09). */
  mimetype: Type.Optional(Type.String()),
  /** Data objects only. */
  valuetransferencoding: Type.Optional(ValueTransferEncoding)
})
export type RecordAttributes = Static<typeof RecordAttributes>
