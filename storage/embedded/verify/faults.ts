/** Findings together with what mends them. */
import type { BlobID } from '../../contract.js'
import type { Finding } from '../../verify/findings.js'
import type { TableName } from '../tables.js'

/** One step of a repair. Each may be repeated. */
export type Mend =
  /** Stores what follows from other rows. `done` tells of it: the end of a sentence that begins with what was wrong. */
  | { readonly do: 'put', readonly table: TableName, readonly key: Buffer, readonly value: Buffer, readonly done: string }
  /** Removes what other rows prove to be wrong. */
  | { readonly do: 'remove', readonly table: TableName, readonly key: Buffer, readonly done: string }
  /** The same for what nobody can read: its bytes are written to a file first. */
  | { readonly do: 'save', readonly table: TableName, readonly key: Buffer }
  /** The note in a record that it has segments. */
  | { readonly do: 'flag', readonly id: Buffer, readonly present: boolean }
  /** A piece of a map that is gone: the object is said to need a blob that is not there, so that nobody takes zeros for its value. */
  | { readonly do: 'hole', readonly key: Buffer, readonly length: number }
  /** A blob that nothing names goes to the trash, as if it had lost its last reference now. */
  | { readonly do: 'trash', readonly blob: BlobID }
  /** A blob whose row is gone gets a new one, as its file is. */
  | { readonly do: 'readmit', readonly blob: BlobID }
  /** A blob in which one bit is wrong becomes what it was, and then that is all; otherwise the next steps are taken. */
  | { readonly do: 'heal', readonly blob: BlobID }
  /** A record that is gone, or that nobody can read, is made anew from what is known of it. */
  | { readonly do: 'rebuild', readonly id: Buffer, readonly entry?: Buffer, readonly note: string }
  /** An object whose bytes are gone or wrong, or whose place is, goes to the container for such. `sound`: only its place is wrong. */
  | { readonly do: 'aside', readonly id: Buffer, readonly note: string, readonly sound?: true }
  /** A file that belongs to nothing. */
  | { readonly do: 'move', readonly file: string }

export interface Fault extends Finding {
  /** In this order. Empty: it can only be named. */
  readonly mends: readonly Mend[]
}
