/**
 * A file of users with the hashes of their passwords, as `fastify-cdmi user` writes it: `{"users":[{"name","hash","access"}]}`.
 * Only its owner may read it; it is replaced as a whole; a server that uses it notices changes.
 */
import { open, readFile, rename, stat, unlink, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Static, Type, Value } from '../schemas/typebox.js'
import type { HashedUser, UserSource } from './authenticator.js'
import { isPasswordHash } from './password.js'

const UsersDocument = Type.Object({
  users: Type.Array(Type.Object({
    name: Type.String({ minLength: 1 }),
    hash: Type.String(),
    access: Type.Union([Type.Literal('read'), Type.Literal('write')])
  }, { additionalProperties: false }))
}, { additionalProperties: false })
type UsersDocument = Static<typeof UsersDocument>

/** What is wrong with a users file, in a sentence for the operator that names the file. */
export class UsersFileError extends Error {
  override readonly name = 'UsersFileError'
}

/** The users in the file. Throws UsersFileError; with `missing` a file that is not there counts as that. */
export async function readUsers (file: string, missing?: readonly HashedUser[]): Promise<readonly HashedUser[]> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && missing !== undefined) return missing
    if (code === 'ENOENT') throw new UsersFileError(`There is no users file ${file}; make one with "fastify-cdmi user add NAME --users ${file}"`)
    throw new UsersFileError(`The users file ${file} cannot be read (${code ?? 'unknown error'})`)
  }
  return parseUsers(file, text)
}

function parseUsers (file: string, text: string): readonly HashedUser[] {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    throw new UsersFileError(`The users file ${file} is not valid JSON`)
  }
  if (!Value.Check(UsersDocument, document)) throw new UsersFileError(`The users file ${file} does not have the form that "fastify-cdmi user add" writes`)
  const seen = new Set<string>()
  for (const { name, hash } of (document as UsersDocument).users) {
    if (!isPasswordHash(hash)) throw new UsersFileError(`The users file ${file} has no valid hash for ${name}; take the user out of it and add it again with "fastify-cdmi user add ${name} --users ${file}"`)
    // As they are compared: another spelling of a name is the same user.
    const known = name.normalize('NFC')
    if (seen.has(known)) throw new UsersFileError(`The users file ${file} names ${known} twice`)
    seen.add(known)
  }
  return (document as UsersDocument).users
}

/**
 * Changes the file under the eyes of nobody else: the new content is written beside it, flushed and renamed over it. The file
 * beside is also the lock. Throws UsersFileError, and what `change` throws; then nothing has changed.
 */
export async function changeUsers (file: string, change: (users: readonly HashedUser[]) => readonly HashedUser[] | Promise<readonly HashedUser[]>): Promise<void> {
  const beside = `${file}.new`
  const handle = await openLock(file, beside)
  try {
    const users = await change(await readUsers(file, []))
    await keepOwner(handle, file)
    await handle.writeFile(JSON.stringify({ users }, null, 2) + '\n')
    await handle.sync()
    await handle.close()
    await rename(beside, file)
    await syncDirectory(dirname(file))
  } catch (error) {
    await handle.close().catch(() => {})
    await unlink(beside).catch(() => {})
    throw error
  }
}

async function openLock (file: string, beside: string): Promise<FileHandle> {
  try {
    return await open(beside, 'wx', 0o600)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw new UsersFileError(`Somebody else is changing ${file} just now; if nobody is, remove ${beside}`)
    throw new UsersFileError(`The users file ${file} cannot be written (${code ?? 'unknown error'})`)
  }
}

/** What root writes stays readable for the server, which is somebody else: the file belongs to whom it belonged to, a new one to the owner of its directory. */
async function keepOwner (handle: FileHandle, file: string): Promise<void> {
  if (process.geteuid?.() !== 0) return
  const { uid, gid } = await stat(file).catch(async () => await stat(dirname(file)))
  const own = await handle.stat()
  if (own.uid === uid && own.gid === gid) return
  try {
    await handle.chown(uid, gid)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new UsersFileError(`The users file ${file} cannot be given to its owner (${code ?? 'unknown error'}); run the command as the user of the server`)
  }
}

async function syncDirectory (directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Opens the file for a server. Throws UsersFileError; with `missing` a file that is not there yet counts as that. While it is broken
 * or gone later on, the users read last go on to count, and `warn` is told once per change.
 */
export async function openUsersFile (file: string, warn: (message: string) => void, missing?: readonly HashedUser[]): Promise<UserSource> {
  let stamp = await stampOf(file)
  let users = byName(await readUsers(file, missing))
  let generation = 0
  let reading: Promise<void> | undefined
  const look = async (): Promise<void> => {
    const now = await stampOf(file)
    if (now === stamp) return
    stamp = now
    try {
      users = byName(await readUsers(file))
      generation++
    } catch (error) {
      warn(`${(error as Error).message}; the users known before go on to count`)
    }
  }
  return {
    get generation () { return generation },
    find: name => users.get(name),
    async refresh () {
      reading ??= look().finally(() => { reading = undefined })
      await reading
    }
  }
}

function byName (users: readonly HashedUser[]): ReadonlyMap<string, HashedUser> {
  return new Map(users.map(user => [user.name.normalize('NFC'), user]))
}

/** Differs when the file was replaced or written to. */
export async function stampOf (file: string): Promise<string> {
  try {
    const { ino, size, mtimeNs } = await stat(file, { bigint: true })
    return `${ino} ${size} ${mtimeNs}`
  } catch {
    return 'none'
  }
}
