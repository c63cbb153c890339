/** Where backups are kept: what that is asked, whatever it is made of. */

/** What was written. */
export interface StoredFile {
  /** Bytes in it. */
  readonly size: number
  /** Where it begins, in a place that is one file and has no names to look it up by. */
  readonly at?: number | undefined
}

/** Files with names like paths. Everything throws StorageErrors. */
export interface ReadablePlace {
  /** For people: without secrets. */
  readonly name: string
  /** `known`: as `put` has answered, where that was noted. Throws a StorageError 'missing' when there is none. */
  get (name: string, known?: Partial<StoredFile>): AsyncIterable<Uint8Array>
  /** Its bytes; undefined when it is not there. */
  size (name: string): Promise<number | undefined>
  /** Names in a folder, '' for all; none when there is no folder. */
  list (folder: string): Promise<string[]>
  /** Lets go of files and connections. */
  close (): Promise<void>
}

/** One that takes more: each file is there whole or not at all. */
export interface BackupPlace extends ReadablePlace {
  /** Whether there is nothing, but what others may be writing at this moment. */
  isEmpty (): Promise<boolean>
  /** Stores what the source gives; it is there to stay when this resolves. An error of the source is passed on, and nothing has changed. */
  put (name: string, source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<StoredFile>
  /** The same, unless the name is taken: then nothing has changed, and it answers false. */
  putNew (name: string, bytes: Uint8Array): Promise<boolean>
  /** The path of a new file of this machine that goes with this run. */
  scratch (): Promise<string>
  /** Removes what this run, and runs that were killed, have left. */
  tidy (): Promise<void>
}

const names = /^[\w.-]+(?:\/[\w.-]+)*$/

export function isFileName (name: string): boolean {
  return names.test(name) && !name.split('/').some(part => /^\.+$/.test(part))
}
