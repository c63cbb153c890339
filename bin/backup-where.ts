/** Where backups are: what `--to` and `--from` name. */
import { realpath } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { hasSecret, secretRefusal, secretVariables } from '../server/url-secrets.js'
import { isInS3, standardOutput } from '../storage/backup/open-place.js'
import type { Flags } from './config-flags.js'
import { UsageError } from './failure.js'

/** The variables beside the flags, for URLs with secrets in them: command lines are seen by others. */
export const backupVariables = { to: 'BACKUP_TO', from: 'RESTORE_FROM' } as const

/** Throws UsageError. */
export function backupWhere (flags: Flags, flag: 'to' | 'from'): string {
  const variable = backupVariables[flag]
  const given = flags[flag]
  if (typeof given === 'string' && hasSecret(given)) throw new UsageError(secretRefusal(`--${flag}`, [`the variable ${variable}`, secretVariables.blobs]))
  const where = given ?? process.env[variable]
  if (typeof where !== 'string' || where === '') throw new UsageError(`Say with --${flag} where the backups are: a directory, a file, or s3://bucket/prefix`)
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(where) && !isInS3(where)) throw new UsageError(`--${flag} must be a directory or a file of this machine, or s3://bucket/prefix`)
  return where
}

/** With the store it would be lost. `directory`: that of the store; `blobs`: the URL of its values. Throws UsageError. */
export async function requireOutside (where: string, directory: string | undefined, blobs: string | undefined): Promise<void> {
  if (where === standardOutput) return
  if (!isInS3(where)) {
    if (directory !== undefined && !/^\.\.(?:$|[/\\])/.test(relative(await realPath(resolve(directory)), await realPath(resolve(where))))) throw new UsageError('--to must not be in the directory of the store')
    return
  }
  if (blobs === undefined || !isInS3(blobs)) return
  const [backup, values] = [where, blobs].map(url => new URL(url)).map(({ host, pathname, searchParams }) => `${searchParams.get('endpoint') ?? ''} ${host}${pathname}`.replace(/\/*$/, '/'))
  if (backup !== undefined && values !== undefined && backup.startsWith(values)) throw new UsageError('--to must not be among the values of the store: give it a prefix, or better a bucket, of its own')
}

/** Where a path leads, links on it followed, also while its end is not there yet. */
async function realPath (path: string): Promise<string> {
  return await realpath(path).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' || dirname(path) === path) throw error
    return join(await realPath(dirname(path)), basename(path))
  })
}
