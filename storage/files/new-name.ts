/** A file gets a name that is not taken. */
import { link, open, rename, unlink } from 'node:fs/promises'
import { hasCode } from '../storage-errors.js'

/** What file systems say that know one name a file only: those of USB sticks (FAT, exFAT), some of networks. */
const noLinks = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'] as const

/** The file `draft` is called `path` from now on. False: there is something of that name, and nothing has changed. */
export async function giveNewName (draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path)
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    if (!hasCode(error, ...noLinks)) throw error
    if (!await reserved(path)) return false
    try {
      await rename(draft, path)
      return true
    } catch (renaming) {
      // What is there is the empty file that was made a moment ago.
      await unlink(path).catch(() => {})
      throw renaming
    }
  }
  await unlink(draft)
  return true
}

/** Makes an empty file of that name, unless there is one. Who is killed between this and the renaming leaves it empty. */
async function reserved (path: string): Promise<boolean> {
  try {
    await (await open(path, 'wx', 0o600)).close()
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  }
}
