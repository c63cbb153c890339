/**
 * A file that tells the directory of a store's values from an empty one in which it was to be mounted: what is written there would be hidden as soon as it
 * is, and what is looked for would seem to be gone.
 */
import { randomUUID } from 'node:crypto'
import { access, link, open, readdir, readFile, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { StorageError } from '../contract.js'
import { hasCode, toStorageError } from '../storage-errors.js'
import { DirectorySync } from './directory-sync.js'

const markName = 'values'
const text = 'The values of a store of fastify-cdmi are in this directory, and this file says so.\n'

async function isMarked (root: string): Promise<boolean> {
  try {
    await access(join(root, markName))
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw toStorageError(error, `looking at ${root}`)
  }
}

/** Throws a StorageError 'unavailable' when the file is missing. */
export async function requireMark (root: string): Promise<void> {
  if (!await isMarked(root)) throw new StorageError('unavailable', `${root} is not the directory of the store's values, or it has lost its file "${markName}": is it mounted?`)
}

/** Makes the file when a store is new, or was made without. Throws a StorageError 'unavailable' for an empty directory when the store `isUsed`. */
export async function markPlace (root: string, isUsed: () => Promise<boolean>): Promise<void> {
  if (await isMarked(root)) return
  try {
    const empty = !(await readdir(root)).some(name => /^[0-9a-f]{8}-/.test(name))
    if (empty && await isUsed()) {
      throw new StorageError('unavailable', `${root} is empty, but the store has values: is it mounted? If they are really gone, make a file "${markName}" in it`)
    }
    const file = await open(join(root, markName), 'w', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await new DirectorySync().sync(root)
  } catch (error) {
    throw toStorageError(error, `marking ${root}`)
  }
}

/** What is in a file that says whose values these are; undefined: there is none. */
export async function readIdentity (path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw toStorageError(error, `reading ${path}`)
  }
}

/** Writes it, unless there is one. It is whole and on the disk before it has the name. */
export async function writeIdentity (path: string, identity: string): Promise<void> {
  const draft = `${path}-${randomUUID()}`
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(`${identity}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await link(draft, path).catch((error: unknown) => { if (!hasCode(error, 'EEXIST')) throw error })
    await new DirectorySync().sync(dirname(path))
  } catch (error) {
    throw toStorageError(error, `writing ${path}`)
  } finally {
    await unlink(draft).catch(() => {})
  }
}
