/** Where the bytes of a distributed store may be, by the scheme of their URL. */
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Registry } from '../../metrics/registry.js'
import { OptionError } from '../../schemas/check-options.js'
import type { BlobID, BlobStore, LeaseID } from '../contract.js'
import { BlobFiles } from '../files/blob-files.js'
import { filesIn } from '../files/files-in.js'
import { makeDirectory } from '../files/make-directory.js'
import { MovedAside } from '../files/moved-aside.js'
import { markPlace, readIdentity, writeIdentity } from '../files/place-mark.js'
import { hasCode, toStorageError } from '../storage-errors.js'

/** What a place of blobs learns of the records. */
export interface BlobContext {
  /** Looks the lease up, now. */
  leaseIsOpen (lease: LeaseID): Promise<boolean>
  /** Is told of leases under which something broken was left. */
  left (lease: LeaseID): void
}

/** Something that a place has under the name of a blob. */
export interface PlacedBlob {
  readonly blob: BlobID
  readonly size: number
  /** Milliseconds since 1970, by the clock of the place. */
  readonly modified: number
}

/** What a place is called that says whose values it has: a file, or an object. No blob has such a name. */
export const markName = '.fastify-cdmi-store'

export interface BlobPlace {
  /** Ends the name of the store. */
  readonly name: string
  /** Where it is: a URL without secrets. */
  readonly at: string
  /** Milliseconds after its lease was closed during which something may still arrive that no commit will name. */
  readonly late: number
  /** Before anything is written: `isUsed` tells whether there should be values already. Throws a StorageError when there are none. */
  prepare (isUsed: () => Promise<boolean>): Promise<void>
  /** What it says whose values it has; undefined: nothing. */
  readMark (): Promise<string | undefined>
  /** Durable when it resolves. */
  writeMark (identity: string): Promise<void>
  /** All that have the name of a blob, in no order. */
  all (): AsyncIterable<PlacedBlob>
  has (blob: BlobID): Promise<boolean>
  /** Moves it to where no blob is looked for. Answers where that is, for people; undefined: it is gone. */
  setAside (blob: PlacedBlob): Promise<string | undefined>
  open (context: BlobContext): { readonly blobs: BlobStore, probe (): Promise<void> }
  close (): Promise<void>
}

/** A PUT may be under way in the network for long after its writer has gone; S3 cannot be told to refuse it. */
const objectsLate = 86_400_000
/** A file under a closed lease is removed again by who made it, unless he is killed first. */
const filesLate = 3_600_000

type Opener = (url: URL, metrics: Registry) => Promise<BlobPlace>

/** By scheme: where another kind of place is added. */
const openers: Readonly<Record<string, Opener>> = {
  'file:': openFiles,
  's3:': openObjects
}

/** Throws OptionError, which never repeats the URL: it may hold a secret. */
export async function openBlobs (text: string, metrics: Registry): Promise<BlobPlace> {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const opener = openers[url?.protocol ?? '']
  if (url === undefined || opener === undefined) throw new OptionError(`The option "blobs" of openStore must be a URL that begins with ${Object.keys(openers).map(scheme => `${scheme}//`).join(' or ')}`)
  return await opener(url, metrics)
}

/** Files in a directory that all servers share. */
async function openFiles (url: URL): Promise<BlobPlace> {
  if (url.host !== '' || url.search !== '' || url.hash !== '') throw new OptionError('The option "blobs" of openStore must name a directory of this machine, as in file:///srv/cdmi')
  const root = fileURLToPath(url)
  await makeDirectory(root, 0o700).catch((error: unknown) => { throw toStorageError(error, `opening ${root}`) })
  return {
    name: 'files',
    at: pathToFileURL(root).href,
    late: filesLate,
    readMark: async () => await readIdentity(join(root, markName)),
    writeMark: async identity => { await writeIdentity(join(root, markName), identity) },
    all: () => filesIn(root),
    has: async blob => await isThere(join(root, blob)),
    async setAside ({ blob }) {
      const file = await new MovedAside(root).move(blob)
      return file === undefined ? undefined : join(root, file)
    },
    prepare: async isUsed => { await markPlace(root, isUsed) },
    open ({ leaseIsOpen, left }) {
      const blobs = new BlobFiles({ root, leaseIsOpen, left, marked: true })
      return { blobs, probe: async () => { await blobs.probe() } }
    },
    async close () {}
  }
}

async function isThere (path: string): Promise<boolean> {
  return await access(path).then(() => true, (error: unknown) => {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return false
    throw toStorageError(error, `looking for ${path}`)
  })
}

/** Objects in a bucket. */
async function openObjects (url: URL, metrics: Registry): Promise<BlobPlace> {
  // A client of HTTP, a signer and a reader of XML, for those who need them.
  const { openS3Blobs } = await import('./s3-blobs.js')
  let tell: BlobContext['left'] = () => {}
  const blobs = openS3Blobs(url.href, { left: lease => { tell(lease) }, metrics })
  return {
    name: 's3',
    at: nameOfBucket(url),
    late: objectsLate,
    async prepare () {},
    readMark: async () => await blobs.readText(markName),
    writeMark: async identity => { await blobs.writeText(markName, identity) },
    all: () => blobs.all(),
    has: async blob => await blobs.has(blob),
    setAside: async blob => await blobs.setAside(blob),
    open ({ left }) {
      tell = left
      return { blobs, probe: async () => { await blobs.probe() } }
    },
    close: async () => { await blobs.close() }
  }
}

/** Without keys; with the server, for buckets of two have the same names. */
function nameOfBucket ({ host, pathname, searchParams }: URL): string {
  const endpoint = searchParams.get('endpoint') ?? ''
  const server = URL.canParse(endpoint) ? new URL(endpoint).host : ''
  return `s3://${host}${pathname.replace(/\/+$/, '')}${server === '' ? '' : ` at ${server}`}`
}
