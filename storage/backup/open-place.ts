/** The place of backups that somebody names: a directory, a file, S3, or standard output. */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Writable } from 'node:stream'
import { StorageError } from '../contract.js'
import { hasCode, toStorageError } from '../storage-errors.js'
import { ArchiveReader } from './archive-reader.js'
import { FileSink, StreamSink } from './archive-sinks.js'
import { ArchiveWriter } from './archive-writer.js'
import type { BackupPlace, ReadablePlace } from './backup-place.js'
import { DirectoryPlace } from './directory-place.js'

/** What means standard output. */
export const standardOutput = '-'

/** Names of new files, rather than directories, end so. */
const fileNames = /\.(?:cdmibak|tar)$/i

export function isInS3 (where: string): boolean {
  return /^s3:\/\//i.test(where)
}

/** For people: without secrets. */
export function nameOfPlace (where: string): string {
  if (where === standardOutput) return 'standard output'
  return isInS3(where) ? where.replace(/[?#][^]*$/, '') : resolve(where)
}

/** A place for a new backup. Throws OptionError, and a StorageError when there is a file already ('format'). */
export async function openPlace (where: string, output: Writable = process.stdout): Promise<BackupPlace> {
  if (where === standardOutput) return new ArchiveWriter(new StreamSink(output, nameOfPlace(where)))
  if (isInS3(where)) return await openS3(where)
  const kind = await kindOf(where)
  if (kind === 'file') throw new StorageError('format', `${where} is a file already, and a file has one backup; give the name of a new one`)
  return kind === undefined && fileNames.test(where) ? new ArchiveWriter(new FileSink(where)) : new DirectoryPlace(where)
}

/** A place that is only read. Throws OptionError, and a StorageError when it is a file that is no backup ('format', 'corrupt'). */
export async function openReadable (where: string): Promise<ReadablePlace> {
  if (isInS3(where)) return await openS3(where)
  return await kindOf(where) === 'file' ? await ArchiveReader.open(where) : new DirectoryPlace(where)
}

/** The same, closed when the work is done. */
export async function reading<T> (where: string, work: (place: ReadablePlace) => Promise<T>): Promise<T> {
  const place = await openReadable(where)
  try {
    return await work(place)
  } finally {
    await place.close()
  }
}

/** A client of HTTP, a signer and a reader of XML, for those who need them. */
async function openS3 (url: string): Promise<BackupPlace> {
  const { S3Place } = await import('./s3-place.js')
  return new S3Place(url)
}

async function kindOf (path: string): Promise<'file' | 'other' | undefined> {
  try {
    return (await stat(path)).isFile() ? 'file' : 'other'
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw toStorageError(error, `looking at ${path}`)
  }
}
