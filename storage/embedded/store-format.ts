/** `format.json`: what says that a directory is a store, and which build can read it. */
import { access, open, readdir, readFile, rename } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { StorageError } from '../contract.js'
import { DirectorySync } from '../files/directory-sync.js'
import { makeDirectory } from '../files/make-directory.js'
import { hasCode, toStorageError } from '../storage-errors.js'

const formatName = 'fastify-cdmi store'
/** What this build writes. 2: rows of objects have checksums; 3: those of blobs, references, trash, leases and accesses, too; 4: bytes of a value that were never written have rows. Those of before stay as they are until they are written anew. */
export const formatVersion = 4

/** Makes a store of version `from` one of version `from + 1`. Must be repeatable: it may be cut short. */
export type Migration = (directory: string) => Promise<void>

/** By the version that they start from. */
const migrations: ReadonlyMap<number, Migration> = new Map([[1, async () => {}], [2, async () => {}], [3, async () => {}]])

const fileName = 'format.json'
/** Beginnings of the names of files that may be in a directory that is to become a store: what an interrupted start leaves, and what a server keeps beside its store. */
const harmlessNames = [fileName, 'users.json', 'self-signed.pem'] as const
const harmless = (name: string): boolean => name === 'lost+found' || harmlessNames.some(beginning => name.startsWith(beginning))

/**
 * Makes the directory when it is missing and a store of it when it is empty. Answers the version that it has. Throws a
 * StorageError when it is something else, or of a newer build.
 */
export async function readFormat (directory: string): Promise<number> {
  try {
    await makeDirectory(directory, 0o700)
    const text = await readFile(join(directory, fileName), 'utf8').catch((error: unknown) => {
      if (hasCode(error, 'ENOENT')) return undefined
      throw error
    })
    if (text !== undefined) return versionIn(text, directory)
    const others = (await readdir(directory)).filter(name => !harmless(name))
    if (others.length > 0) throw new StorageError('format', `${directory} is not empty and not a store (no ${fileName}); give an empty directory or a new one`)
    // Who has made it, a moment ago perhaps, need not have flushed its own name.
    await new DirectorySync().sync(dirname(resolve(directory))).catch((error: unknown) => { if (!hasCode(error, 'EACCES')) throw error })
    await writeFormat(directory, formatVersion)
    return formatVersion
  } catch (error) {
    throw toStorageError(error, `opening ${directory}`)
  }
}

/** Whether there is a store, of whatever version. True also when that cannot be found out: opening it says why. */
export async function isStore (directory: string): Promise<boolean> {
  return await access(join(directory, fileName)).then(() => true, error => !hasCode(error, 'ENOENT', 'ENOTDIR'))
}

/** For who reads a store that others may have open, and changes nothing. Throws a StorageError when there is none, or one of another version. */
export async function requireCurrent (directory: string): Promise<void> {
  if (!await isStore(directory)) throw new StorageError('format', `There is no store in ${directory}`)
  const version = await readFormat(directory)
  if (version < formatVersion) throw new StorageError('format', `The store in ${directory} has format version ${version}; a server of this build brings it up to date when it starts`)
}

function versionIn (text: string, directory: string): number {
  let stated: unknown
  try {
    stated = JSON.parse(text)
  } catch (error) {
    throw new StorageError('format', `${join(directory, fileName)} is not JSON`, { cause: error })
  }
  const { format, version } = Object(stated) as { format?: unknown, version?: unknown }
  if (format !== formatName || typeof version !== 'number' || !Number.isInteger(version) || version < 1) {
    throw new StorageError('format', `${join(directory, fileName)} does not describe a store of this software`)
  }
  if (version > formatVersion) {
    throw new StorageError('format', `The store in ${directory} has format version ${version}; this build knows versions up to ${formatVersion}. Use the newer build that wrote it`)
  }
  return version
}

/** Brings an older store up to this build's version. The caller owns the store. */
export async function migrate (directory: string, version: number): Promise<void> {
  for (let at = version; at < formatVersion; at++) {
    const migration = migrations.get(at)
    if (migration === undefined) throw new StorageError('format', `This build cannot bring a store of format version ${at} up to date`)
    await migration(directory)
    await writeFormat(directory, at + 1)
  }
}

async function writeFormat (directory: string, version: number): Promise<void> {
  const path = join(directory, fileName)
  const temporary = `${path}.${process.pid}`
  const handle = await open(temporary, 'w', 0o600)
  try {
    await handle.writeFile(JSON.stringify({ format: formatName, version }) + '\n')
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, path)
  await new DirectorySync().sync(directory)
}
