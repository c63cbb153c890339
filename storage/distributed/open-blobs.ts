/** Where the bytes of a distributed store may be, by the scheme of their URL. */
import { fileURLToPath } from 'node:url'
import type { Registry } from '../../metrics/registry.js'
import { OptionError } from '../../schemas/check-options.js'
import type { BlobStore, LeaseID } from '../contract.js'
import { BlobFiles } from '../files/blob-files.js'
import { makeDirectory } from '../files/directory-sync.js'
import { markPlace } from '../files/place-mark.js'
import { toStorageError } from '../storage-errors.js'

/** What a place of blobs learns of the records. */
export interface BlobContext {
  /** Looks the lease up, now. */
  leaseIsOpen (lease: LeaseID): Promise<boolean>
  /** Is told of leases under which something broken was left. */
  left (lease: LeaseID): void
}

export interface BlobPlace {
  /** Ends the name of the store. */
  readonly name: string
  /** Milliseconds after its lease was closed during which something may still arrive that no commit will name. */
  readonly late: number
  /** Before anything is written: `isUsed` tells whether there should be values already. Throws a StorageError when there are none. */
  prepare (isUsed: () => Promise<boolean>): Promise<void>
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
  await makeDirectory(root).catch((error: unknown) => { throw toStorageError(error, `opening ${root}`) })
  return {
    name: 'files',
    late: filesLate,
    prepare: async isUsed => { await markPlace(root, isUsed) },
    open ({ leaseIsOpen, left }) {
      const blobs = new BlobFiles({ root, leaseIsOpen, left, marked: true })
      return { blobs, probe: async () => { await blobs.probe() } }
    },
    async close () {}
  }
}

/** Objects in a bucket. */
async function openObjects (url: URL, metrics: Registry): Promise<BlobPlace> {
  // A client of HTTP, a signer and a reader of XML, for those who need them.
  const { openS3Blobs } = await import('./s3-blobs.js')
  let tell: BlobContext['left'] = () => {}
  const blobs = openS3Blobs(url.href, { left: lease => { tell(lease) }, metrics })
  return {
    name: 's3',
    late: objectsLate,
    async prepare () {},
    open ({ left }) {
      tell = left
      return { blobs, probe: async () => { await blobs.probe() } }
    },
    close: async () => { await blobs.close() }
  }
}
