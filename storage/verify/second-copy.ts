/** Another place that has bytes of a store: where a repair looks for those that are lost. */
import type { BlobID, ObjectID } from '../contract.js'

export interface SecondCopy {
  /** Of the store whose bytes these are. */
  readonly rootID: ObjectID
  /** What it is called in sentences: "the backups in /backups". */
  readonly name: string
  /** The bytes of a blob; undefined where there are none. Reading them may throw a StorageError 'missing' or 'corrupt'. Who asks compares them. */
  find (blob: BlobID): Promise<AsyncIterable<Uint8Array> | undefined>
}
