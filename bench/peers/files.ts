/** What servers of files on a disk are to find there. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { counts, large, listed, small } from '../jobs.js'

/** `small/`, `large/` and `list/`, each with its files. */
export async function writeFiles (directory: string): Promise<void> {
  const kinds = [{ name: 'small', prefix: '', count: counts.small, body: small }, { name: 'large', prefix: '', count: counts.large, body: large }, { name: 'list', prefix: listed, count: counts.list, body: Buffer.from('x') }]
  for (const { name, prefix, count, body } of kinds) {
    await mkdir(join(directory, name))
    for (let at = 0; at < count; at++) await writeFile(join(directory, name, `${prefix}${at}`), body)
  }
}
