/** The one way in which directories are made that somebody has named: they may lie where none can be. */
import { lstat, mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { StorageError } from '../contract.js'
import { hasCode } from '../storage-errors.js'
import { DirectorySync } from './directory-sync.js'

/**
 * Makes a directory, and those above it that are missing, one after the other: Node's own way does not come to an end where the system says of each that it is
 * not there (as in /proc). The name of each that is made is on the disk when this resolves. Answers whether it was made. Throws what the system says, and a StorageError 'permission' where it takes no directories.
 */
export async function makeDirectory (path: string, mode = 0o777, flushed: Pick<DirectorySync, 'sync'> = new DirectorySync()): Promise<boolean> {
  const directory = resolve(path)
  if (await makeOne(directory, mode, flushed)) return true
  if (await isThere(directory)) return false
  const above = dirname(directory)
  if (above !== directory) await makeDirectory(above, mode, flushed)
  if (await makeOne(directory, mode, flushed) || await isThere(directory)) return true
  if (await isLink(directory)) throw Object.assign(new Error(`EEXIST: ${directory} is a symbolic link to what is not there`), { code: 'EEXIST' })
  throw new StorageError('permission', `No directory ${directory} can be made: what is mounted at ${above}, or above it, takes none`)
}

/** False: something is there already, or what is above it is not. */
async function makeOne (directory: string, mode: number, flushed: Pick<DirectorySync, 'sync'>): Promise<boolean> {
  try {
    await mkdir(directory, { mode })
  } catch (error) {
    if (hasCode(error, 'EEXIST', 'ENOENT')) return false
    // Some systems say so of what is there, before they look whether it is.
    if (hasCode(error, 'EROFS', 'EACCES', 'EPERM', 'EISDIR') && await isThere(directory)) return false
    throw error
  }
  await flushed.sync(dirname(directory))
  return true
}

async function isLink (path: string): Promise<boolean> {
  return await lstat(path).then(found => found.isSymbolicLink(), () => false)
}

/** Throws for what is no directory. */
async function isThere (directory: string): Promise<boolean> {
  try {
    if ((await stat(directory)).isDirectory()) return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
  throw Object.assign(new Error(`EEXIST: ${directory} is there, and is no directory`), { code: 'EEXIST' })
}
