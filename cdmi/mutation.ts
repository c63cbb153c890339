/** What an operation changes, as the parts that make one commit of it see it. */
import type { BlobBirth, RecordHead, RecordPut, RecordRemoval, StoredRecord } from '../storage/contract.js'
import type { Staging } from './staging.js'

/** What happens to one object. */
export interface ObjectChange {
  /** As notifications tell them apart (NOT-05): a move is a `rename`, and a new reference is no new object. */
  readonly operation: 'create' | 'modify' | 'delete' | 'rename' | 'reference'
  /** A new object that is a copy is announced as that, too. */
  readonly also?: 'copy'
  /** From the top down to the parent, as read. The commit holds only while none of them has changed. */
  readonly ancestors: readonly StoredRecord[]
  /** The same of the place that a moved object leaves. */
  readonly left?: readonly StoredRecord[]
  readonly before: RecordHead | undefined
  /** A record of the server's own, which no client knows of: it makes no event. */
  readonly hidden?: true
  /** Exactly one of the two. */
  readonly put?: RecordPut
  readonly remove?: RecordRemoval
}

/** One operation: all its changes happen, or none. */
export interface Mutation {
  readonly changes: readonly ObjectChange[]
  /** What else was read and decides on the changes: the commit holds only while it is as it was. */
  readonly expect?: ReadonlyArray<Pick<StoredRecord, 'id' | 'version'>>
  /** Blobs that the changes name for the first time, and the operation that put them. */
  readonly staging?: Staging | undefined
  readonly births?: readonly BlobBirth[]
}
