/** Whether the database has checksums of its pages: only then it finds bits that flip in the records, for those have none of ours. */
import type { Database, Statement } from './database.js'

const statement: Statement = { name: 'page_checksums', text: "select current_setting('data_checksums')" }

/** Throws a StorageError when it cannot be asked. */
export async function pageChecksums (database: Database): Promise<boolean> {
  const [row] = await database.rows<[string]>(statement, [], 'asking whether pages have checksums')
  return row?.[0] === 'on'
}
