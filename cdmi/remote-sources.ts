/**
 * Objects of other servers, as the model sees them (CMV-27, CMV-37): somebody else speaks to those servers, and decides which of them may be asked.
 */
import type { ValueTransferEncoding } from '../schemas/record.js'
import type { JsonObject } from '../storage/contract.js'
import type { StagedValue, StageOptions, ValueSource } from './values.js'

export interface RemoteSources {
  /** Begins to read; resolves when the other server has agreed. Throws SourceUnusable for every reason not to. The caller closes what it gets. */
  open (uri: string, signal: AbortSignal | undefined): Promise<RemoteObject>
}

/** Takes bytes into the store, and reads them once more. */
export interface Intake {
  stage (source: ValueSource, options?: Partial<StageOptions>): Promise<StagedValue>
  reread (staged: StagedValue): ValueSource
}

export interface ReceiveOptions {
  /** False: leave the value unread, if that can be done. */
  readonly value: boolean
  /** The URI names a range of the value. */
  readonly ranged: boolean
  /** Told of the ID of the object, where that comes before its value. */
  readonly onID?: ((objectID: string) => void) | undefined
}

export interface RemoteObject {
  /** Bytes of the whole answer, when announced, and those that have come. */
  readonly length: number | undefined
  readonly received: number
  /** Reads what is still to come, once. Throws SourceUnusable, and what the intake throws. */
  receive (intake: Intake, options: ReceiveOptions): Promise<RemoteContent>
  /**
   * Deletes the object where it is, unless it was changed since it was read. Never throws: `kept` when it is known to be still there, `unknown`
   * when nobody can tell.
   */
  remove (): Promise<'removed' | 'kept' | 'unknown'>
  /** Reads no more, and waits for nothing any more. */
  close (): void
}

export interface RemoteContent {
  /** It came in CDMI's form; else it is a value, with or without a type, of which nothing more is known. */
  readonly cdmi: boolean
  readonly objectID?: string | undefined
  readonly completionStatus?: string | undefined
  readonly mimetype?: string | undefined
  readonly metadata?: JsonObject | undefined
  /** Fields that the standard does not define. */
  readonly fields?: JsonObject | undefined
  readonly value?: { readonly staged: StagedValue, readonly encoding: ValueTransferEncoding } | undefined
}
