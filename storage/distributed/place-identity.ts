/**
 * The tables of a store and the place of its values belong together: both have the same random text. Servers whose place is another one would hide what they
 * write from the rest, and would miss what the rest has written.
 */
import { type BlobID, type BlobStore, StorageError } from '../contract.js'
import type { Database } from './database.js'
import { migrationLock } from './migrate.js'
import type { Names } from './names.js'
import { markName, type BlobPlace } from './open-blobs.js'

export interface Placed {
  readonly database: Database
  readonly names: Names
  /** The database, for people. */
  readonly databaseName: string
  readonly place: Pick<BlobPlace, 'at' | 'readMark' | 'writeMark'>
}

interface Noted {
  readonly identity: string
  /** Null: no place has been made to say so yet. */
  readonly at: string | null
}

/** Values of which one must be there, so that a place without a mark is taken for theirs. */
const samples = 10

/**
 * Whether the place is known to be that of the store; false: no server has made it say so yet. Throws a StorageError 'format' when it is another one.
 * A place that cannot be asked is believed when it has the name of the one that could be.
 */
export async function checkPlace (placed: Placed): Promise<boolean> {
  const noted = await read(placed)
  let mark: string | undefined
  try {
    mark = await placed.place.readMark()
  } catch (error) {
    if (error instanceof StorageError && error.reason === 'unavailable' && noted.at === placed.place.at) return true
    throw error
  }
  if (mark === noted.identity) return true
  if (mark !== undefined) throw foreign(placed, noted, mark)
  if (noted.at === null) return false
  if (noted.at !== placed.place.at) throw elsewhere(placed, noted)
  throw refused(placed, noted, `has lost its "${markName}": is that really the place of its values? If it is, put the text ${noted.identity} there under that name`)
}

/** Makes the place ready for who is to write there. Where it is not, and is another one altogether, that is said, and not what one would do to make it ready. */
export async function preparePlace (placed: Placed & { readonly place: Pick<BlobPlace, 'prepare'> }, isUsed: () => Promise<boolean>): Promise<void> {
  const { place } = placed
  try {
    await place.prepare(isUsed)
  } catch (error) {
    const noted = await read(placed)
    if (noted.at !== null && noted.at !== place.at && await place.readMark() === undefined) throw elsewhere(placed, noted)
    throw error
  }
}

/** The same for who is to write there: the first one makes the place say so. `named`: some blobs that objects need. */
export async function claimPlace (placed: Placed, named: (limit: number) => Promise<readonly BlobID[]>, blobs: Pick<BlobStore, 'read'>): Promise<void> {
  if (!await checkPlace(placed)) await claim(placed, named, blobs)
  const { database, names: { schema: s }, place } = placed
  await database.rows({ name: 'note_place', text: `update ${s}.store set place = $1 where place is distinct from $1` }, [place.at], 'noting the place of the values')
}

/** One after the other: of two with different places the second finds that there is one. */
async function claim (placed: Placed, named: (limit: number) => Promise<readonly BlobID[]>, blobs: Pick<BlobStore, 'read'>): Promise<void> {
  const { database, names, place } = placed
  const { schema: s } = names
  const there = await named(samples)
  if (there.length > 0 && !await hasOne(there, blobs)) throw refused(placed, { at: null }, 'has none of its values. Give the URL of the place where they are')
  const isFirst = await database.session('noting the place of the values', async client => {
    await client.query('begin')
    await client.query(migrationLock(names))
    const { rows: [noted] } = await client.query<Noted>(`select identity, place as at from ${s}.store`)
    if (noted?.at === null) {
      await place.writeMark(noted.identity)
      const mark = await place.readMark()
      // Another store was faster.
      if (mark !== noted.identity) throw foreign(placed, noted, mark)
      await client.query(`update ${s}.store set place = $1`, [place.at])
    }
    await client.query('commit')
    return noted?.at === null
  })
  if (!isFirst) await checkPlace(placed)
}

async function hasOne (names: readonly BlobID[], blobs: Pick<BlobStore, 'read'>): Promise<boolean> {
  for (const blob of names) {
    try {
      await blobs.read(blob, 0, 1)
      return true
    } catch (error) {
      if (!(error instanceof StorageError && error.reason === 'missing')) throw error
    }
  }
  return false
}

async function read ({ database, names: { schema: s, plain } }: Placed): Promise<Noted> {
  const [row] = await database.rows<[identity: string, at: string | null]>({ name: 'place', text: `select identity, place from ${s}.store` }, [], 'reading the place of the values')
  if (row === undefined) throw new StorageError('format', `The store in schema ${plain} has no root container`)
  return { identity: row[0], at: row[1] }
}

function elsewhere (placed: Placed, noted: Noted): StorageError {
  return refused(placed, noted, `has no "${markName}". Give all servers the same "blobs"; if all values were moved there, move that, too (its text is ${noted.identity})`)
}

function foreign (placed: Placed, noted: Noted, mark: string | undefined): StorageError {
  return refused(placed, noted, `has the values of another store: its "${markName}" says ${mark ?? 'nothing'}, and this store is ${noted.identity}. Each store needs a place of its own; give the URL of the one that belongs to this${noted.at === null ? `. If that is the one, and the database a copy of a time when it did not know it yet, remove that "${markName}"` : ''}`)
}

function refused ({ databaseName, place }: Placed, { at }: Pick<Noted, 'at'>, problem: string): StorageError {
  return new StorageError('format', `The store in ${databaseName} has its values in ${at ?? 'a place that is not known yet'}; ${place.at} ${problem}`)
}
