/** All files of a directory of values that have the name of a blob: whosever they are. */
import type { Dirent } from 'node:fs'
import { opendir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { BlobID } from '../contract.js'
import { hasCode, toStorageError } from '../storage-errors.js'

export interface FoundFile {
  readonly blob: BlobID
  readonly size: number
  /** Milliseconds since 1970. */
  readonly modified: number
}

/** Leases are UUIDs: what else is in the directory is not ours. */
const levels = [/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, /^[0-9a-z]+$/, /^[0-9a-z]+$/] as const

/** What goes meanwhile is passed over. */
export async function * filesIn (root: string): AsyncGenerator<FoundFile> {
  for await (const lease of entriesOf(root, levels[0])) {
    if (!lease.isDirectory()) continue
    for await (const group of entriesOf(join(root, lease.name), levels[1])) {
      if (!group.isDirectory()) continue
      for await (const { name } of entriesOf(join(root, lease.name, group.name), levels[2])) {
        const blob = `${lease.name}/${group.name}/${name}`
        const found = await stat(join(root, blob)).catch((error: unknown) => {
          if (hasCode(error, 'ENOENT')) return undefined
          throw toStorageError(error, `looking at ${blob}`)
        })
        if (found?.isFile() === true) yield { blob, size: found.size, modified: found.mtimeMs }
      }
    }
  }
}

async function * entriesOf (directory: string, names: RegExp): AsyncGenerator<Dirent> {
  try {
    for await (const entry of await opendir(directory)) if (names.test(entry.name)) yield entry
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw toStorageError(error, `listing ${directory}`)
  }
}
