/** What is asked of a data object, and what has been done. */
import type { ValueTransferEncoding } from '../schemas/record.js'
import type { JsonObject, StoredRecord } from '../storage/contract.js'
import type { PartialMessage } from './partial-upload.js'
import type { PlacedPart } from './place-parts.js'
import type { Preconditions } from './preconditions.js'
import type { CdmiObject } from './record.js'
import type { TemplateChoice } from './templates.js'
import type { ByteRange, PlacedValue, StagedValue, ValueSource } from './values.js'

/** What becomes of the value: all of it is new, or parts of it (of the old value, or of one with nothing else), or it stays (of a new object: is empty). */
export type ValueChange =
  | { readonly kind: 'whole', readonly staged: StagedValue }
  | { readonly kind: 'parts', readonly onto: 'old' | 'nothing', readonly parts: readonly PlacedPart[] }
  | { readonly kind: 'keep' }

export interface DataObjectChange {
  readonly value: ValueChange
  /** The transfer encoding that is true of the value. `before`: the object as it was. */
  readonly encoding: (value: PlacedValue, before: StoredRecord | undefined) => ValueTransferEncoding
  /** Undefined: stays; of a new object: `application/octet-stream`. */
  readonly mimetype?: string | undefined
  /** The transfer encoding that the request named; undefined: none. Of a value in parts the last one that was named holds. */
  readonly saidEncoding?: ValueTransferEncoding | undefined
  /** The new metadata, from the old; undefined: stays. */
  readonly metadata?: ((before: JsonObject) => JsonObject) | undefined
  /** The same for fields that the standard does not define. */
  readonly fields?: ((before: JsonObject) => JsonObject) | undefined
  /** The template that the metadata has been taken from, or that there is none from now on. */
  readonly template?: Pick<TemplateChoice, 'name'> | undefined
}

export interface Written {
  readonly object: CdmiObject
  readonly created: boolean
  /** Its value, or more of it, is still to come (PUP-02, CMV-14). */
  readonly pending?: boolean
}

export interface ValueRequest {
  readonly source: ValueSource
  /** Bytes that the source will give, when announced. */
  readonly length?: number | undefined
  /** Undefined: not said. */
  readonly mimetype?: string | undefined
  /** Undefined: not said. Said only together with `mimetype`. */
  readonly valuetransferencoding?: ValueTransferEncoding | undefined
  /** The bytes go there, the rest of the value stays. Undefined: they are the whole value. */
  readonly range?: ByteRange | undefined
  /** What the request says of a value in parts; undefined: nothing (PUP). */
  readonly partial?: PartialMessage | undefined
  readonly preconditions?: Preconditions | undefined
}
