/**
 * Blobs as objects in any S3-compatible store: `<prefix>blobs/<lease>/<number>`. A key is used once and never overwritten, so nothing is asked of the server beyond plain
 * PUT, ranged GET, DELETE, LIST and multipart uploads.
 */
import type { buildConnector } from 'undici'
import { v7 } from 'uuid'
import { Registry } from '../../metrics/registry.js'
import type { S3Options } from '../../schemas/s3-options.js'
import { type BlobBirth, type BlobID, type BlobStore, type LeaseID, type PutOptions, StorageError } from '../contract.js'
import { S3Client } from './s3-client.js'
import { S3Count } from './s3-count.js'
import { download } from './s3-download.js'
import type { Source } from './s3-parts.js'
import type { Environment, S3CredentialsProvider } from './s3-credentials.js'
import { endless, listingPage, listObjects, nameIn } from './s3-list.js'
import { completeS3Options, parseS3Url } from './s3-settings.js'
import { abortUpload, textBody, upload } from './s3-upload.js'
import { elementsOf, textOf } from './s3-xml.js'

/** What a program can give beside the options; none of it fits into a URL. */
export interface S3Extras {
  /** Credentials that change, asked for before each request: keep them for as long as they are good. Default: those of the options or the environment. */
  readonly credentials?: S3CredentialsProvider
  /** Options of the sockets, as undici takes them: `ca`, `cert`, `lookup` … */
  readonly connect?: buildConnector.BuildOptions
  /** Is told of leases under which something was left that no commit will name. */
  readonly left?: (lease: LeaseID) => void
  /** Where requests are counted. Default: nowhere that anybody sees. */
  readonly metrics?: Registry
  /** Default: that of the process. */
  readonly environment?: Environment
}

/** A BlobStore with a connection to look after. */
export interface S3Blobs extends BlobStore {
  /** Tries whether an object can be written; the answer is good for a few seconds. Throws a StorageError when not. */
  probe (): Promise<void>
  /** A short object beside the blobs, whose key ends with this name; undefined: there is none. */
  readText (name: string): Promise<string | undefined>
  /** Where there is one already it stays, if the server can tell. Read what is there then. */
  writeText (name: string, text: string): Promise<void>
  /** All objects that have the key of a blob. */
  all (): AsyncIterable<FoundObject>
  has (blob: BlobID): Promise<boolean>
  /** Copies an object to `<prefix>moved-aside/…`, and removes it when it is there. Answers its new key; undefined: it is gone. */
  setAside (found: FoundObject): Promise<string | undefined>
  /** Ends what is under way with StorageErrors. Idempotent. */
  close (): Promise<void>
}

export interface FoundObject {
  readonly blob: BlobID
  readonly size: number
  /** Milliseconds since 1970; NaN where the server does not say. */
  readonly modified: number
}

const leasePattern = /^[0-9a-z-]+$/
const blobPattern = /^[0-9a-z-]+(\/[0-9a-z-]+)+$/
/** Leases are UUIDs, and so is what follows: other objects below the prefix are not ours. */
const ownPattern = /^[0-9a-f-]{36}\/[0-9a-f-]{36}$/
/** Milliseconds for which a probe that went well is believed. */
const probeLasts = 5_000
/** Who asks whether the store is ready wants to know it now. */
const probeTimeout = 5_000

/**
 * Opens the blobs in `s3://bucket/prefix?endpoint=…&region=…&style=path`, or as the options say. Nothing is sent before the first use; `probe` tries.
 *
 * Throws OptionError for an unknown or wrong option, and without credentials.
 */
export function openS3Blobs (target: string | S3Options, { credentials, connect, left = () => {}, metrics = new Registry(), environment = process.env }: S3Extras = {}): S3Blobs {
  const settings = completeS3Options(typeof target === 'string' ? parseS3Url(target) : target, credentials, environment)
  return new S3BlobStore(new S3Client(settings, connect, new S3Count(metrics)), left)
}

class S3BlobStore implements S3Blobs {
  readonly #client: S3Client
  readonly #left: (lease: LeaseID) => void
  /** What the keys of all blobs begin with. */
  readonly #root: string
  #probing: { readonly since: number, readonly done: Promise<void> } | undefined

  constructor (client: S3Client, left: (lease: LeaseID) => void) {
    this.#client = client
    this.#left = left
    this.#root = `${client.settings.prefix}blobs/`
  }

  async put (lease: LeaseID, source: Source, options: PutOptions = {}): Promise<BlobBirth> {
    options.signal?.throwIfAborted()
    if (!leasePattern.test(lease)) throw new TypeError(`"${lease}" is not the name of a lease`)
    const blob = `${lease}/${v7()}`
    let begun = false
    try {
      return { blob, ...await upload(this.#client, this.#key(blob), source, { ...options, begin: () => { begun = true } }) }
    } catch (error) {
      // The server may have it nevertheless, or parts of it.
      if (begun) this.#left(lease)
      throw error
    }
  }

  async * get (blob: BlobID, offset: number, length: number): AsyncGenerator<Uint8Array> {
    yield * download(this.#client, { key: this.#key(blob), offset, length })
  }

  async read (blob: BlobID, offset: number, length: number): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafeSlow(length)
    let at = 0
    for await (const chunk of this.get(blob, offset, length)) {
      bytes.set(chunk, at)
      at += chunk.length
    }
    return bytes
  }

  /** One request each. To delete many by one is not offered everywhere, and a race in it ends gateways of Ceph (https://github.com/ceph/ceph/pull/69242). */
  async remove (blob: BlobID): Promise<void> {
    const key = this.#key(blob)
    await this.#client.send({ method: 'DELETE', key, doing: `removing ${key}` }, { tolerate: ({ code }) => code === 'NoSuchKey' })
  }

  async * list (lease: LeaseID): AsyncGenerator<BlobID> {
    for await (const { key } of listObjects(this.#client, { prefix: `${this.#root}${lease}/` })) {
      const blob = key.slice(this.#root.length)
      // What somebody else has put here is not ours to remove.
      if (blobPattern.test(blob)) yield blob
    }
  }

  /** Gives up the uploads that nobody will complete: they are in no listing of objects, and their parts take up room. */
  async dropLease (lease: LeaseID): Promise<void> {
    const prefix = `${this.#root}${lease}/`
    const doing = `listing uploads below ${prefix}`
    let marker: Record<string, string> = {}
    for (let more = true; more;) {
      const page = await listingPage(this.#client, { uploads: '', 'encoding-type': 'url', prefix, ...marker }, 'ListMultipartUploadsResult', doing)
      for (const found of elementsOf(page, 'Upload')) {
        const key = nameIn(page, found, 'Key')
        if (key.startsWith(prefix)) await abortUpload(this.#client, key, textOf(found, 'UploadId'))
      }
      const next = { 'key-marker': nameIn(page, page, 'NextKeyMarker'), 'upload-id-marker': textOf(page, 'NextUploadIdMarker') }
      more = textOf(page, 'IsTruncated') === 'true'
      if (more && next['key-marker'] === marker['key-marker'] && next['upload-id-marker'] === marker['upload-id-marker']) throw endless(doing)
      marker = next
    }
  }

  async probe (): Promise<void> {
    const now = performance.now()
    if (this.#probing === undefined || now - this.#probing.since > probeLasts) {
      const probing = { since: now, done: this.#tryToWrite() }
      // One that failed is not believed for longer than it lasts.
      probing.done.catch(() => { if (this.#probing === probing) this.#probing = undefined })
      this.#probing = probing
    }
    await this.#probing.done
  }

  async #tryToWrite (): Promise<void> {
    const { prefix, timeout } = this.#client.settings
    const doing = `writing ${prefix}probe`
    const signal = AbortSignal.timeout(Math.min(timeout, probeTimeout))
    try {
      await this.#client.send({ method: 'PUT', key: `${prefix}probe`, body: textBody(Buffer.from('x')), doing }, { retryFor: 0, signal })
    } catch (error) {
      throw error === signal.reason ? new StorageError('unavailable', `${doing}: no answer in time`) : error
    }
  }

  async readText (name: string): Promise<string | undefined> {
    const key = this.#client.settings.prefix + name
    return (await this.#client.send({ method: 'GET', key, doing: `reading ${key}` }, { tolerate: ({ code }) => code === 'NoSuchKey' }))?.text.trim()
  }

  async writeText (name: string, text: string): Promise<void> {
    const key = this.#client.settings.prefix + name
    const call = { method: 'PUT', key, body: textBody(Buffer.from(`${text}\n`)), doing: `writing ${key}` } as const
    let isRefused = false
    await this.#client.send({ ...call, headers: { 'if-none-match': '*' } }, {
      tolerate ({ status, code }) {
        // Some servers know no conditions: there the caller has to look whose it is.
        isRefused = status === 501 || code === 'NotImplemented'
        return isRefused || status === 412
      }
    })
    if (isRefused) await this.#client.send(call)
  }

  async * all (): AsyncGenerator<FoundObject> {
    for await (const { key, size, modified } of listObjects(this.#client, { prefix: this.#root })) {
      const blob = key.slice(this.#root.length)
      if (ownPattern.test(blob)) yield { blob, size, modified }
    }
  }

  async has (blob: BlobID): Promise<boolean> {
    const key = this.#key(blob)
    for await (const found of listObjects(this.#client, { prefix: key })) if (found.key === key) return true
    return false
  }

  async setAside ({ blob, size }: FoundObject): Promise<string | undefined> {
    const to = `${this.#client.settings.prefix}moved-aside/${blob}`
    try {
      // Through this process: to copy on the server is not the same for long objects, and not offered everywhere.
      await upload(this.#client, to, this.get(blob, 0, size), { size, begin () {} })
    } catch (error) {
      if (error instanceof StorageError && error.reason === 'missing') return undefined
      throw error
    }
    await this.remove(blob)
    return to
  }

  async close (): Promise<void> {
    await this.#client.close()
  }

  #key (blob: BlobID): string {
    if (!blobPattern.test(blob)) throw new TypeError(`"${blob}" is not the name of a blob`)
    return this.#root + blob
  }
}
