/** A place of backups in S3: the same files as in a directory, as objects below a prefix. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StorageError } from '../contract.js'
import { S3Client } from '../distributed/s3-client.js'
import type { Environment } from '../distributed/s3-credentials.js'
import { download } from '../distributed/s3-download.js'
import { listObjects } from '../distributed/s3-list.js'
import { completeS3Options, parseS3Url } from '../distributed/s3-settings.js'
import { textBody, upload } from '../distributed/s3-upload.js'
import { toStorageError } from '../storage-errors.js'
import { type BackupPlace, isFileName, type StoredFile } from './backup-place.js'

/** Objects whose sizes are asked for at once: a run asks for them in the order of their names. */
const ahead = 1000

/** Sizes that are remembered. */
const mostKnown = 2 * ahead

const values = 'blobs/'

/** Part of a listing of values: all that there is behind one name and up to another; undefined: to the end. */
interface Window {
  readonly from: string
  readonly to: string | undefined
  readonly sizes: Map<string, number>
}

const nothingListed: Window = { from: '', to: '', sizes: new Map() }

function covers ({ from, to }: Window, key: string): boolean {
  return key > from && (to === undefined || key <= to)
}

export class S3Place implements BackupPlace {
  readonly name: string
  readonly #client: S3Client
  readonly #prefix: string
  #work: Promise<string> | undefined
  #window = Promise.resolve(nothingListed)

  /** `s3://bucket/prefix?…` as for values. Throws OptionError; nothing is sent before the first use. */
  constructor (url: string, environment: Environment = process.env) {
    const options = parseS3Url(url)
    this.#client = new S3Client(completeS3Options(options, undefined, environment))
    this.#prefix = this.#client.settings.prefix
    this.name = `s3://${options.bucket}/${this.#prefix}`.replace(/\/$/, '')
  }

  async isEmpty (): Promise<boolean> {
    return (await listObjects(this.#client, { prefix: this.#prefix }).next()).done === true
  }

  async put (name: string, source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<StoredFile> {
    const key = this.#key(name)
    const { size } = await upload(this.#client, key, source, { begin () {} })
    const window = await this.#window.catch(() => nothingListed)
    if (window !== nothingListed && covers(window, key)) window.sizes.set(key, size)
    // Behind the last of what is there any number may come: then it is listed anew.
    if (window.sizes.size > mostKnown) this.#window = Promise.resolve(nothingListed)
    return { size }
  }

  /** Two at once are told apart by a condition. Servers that do not know it have been asked before; what an attempt of our own has left there, whose answer was lost, is ours. */
  async putNew (name: string, bytes: Uint8Array): Promise<boolean> {
    if (await this.size(name) !== undefined) return false
    const key = this.#key(name)
    const answer = await this.#client.send({ method: 'PUT', key, headers: { 'if-none-match': '*' }, body: textBody(Buffer.from(bytes)), doing: `writing ${key}` }, { tolerate: ({ status }) => status === 412 })
    if (answer !== undefined) return true
    const there: Uint8Array[] = []
    for await (const chunk of this.get(name)) there.push(chunk)
    return Buffer.concat(there).equals(bytes)
  }

  async * get (name: string, { size }: Partial<StoredFile> = {}): AsyncGenerator<Uint8Array> {
    const length = size ?? await this.#head(name)
    if (length === undefined) throw new StorageError('missing', `${name} in ${this.name} is gone`)
    if (length > 0) yield * download(this.#client, { key: this.#key(name), offset: 0, length })
  }

  /** One listing tells of many values. */
  async size (name: string): Promise<number | undefined> {
    if (!name.startsWith(values)) return await this.#head(name)
    const key = this.#key(name)
    const list = async (): Promise<Window> => await this.#listFrom(name)
    // One after the other: what the first has listed tells the others, too.
    const window = this.#window = this.#window.then(known => covers(known, key) ? known : list(), list)
    window.catch(() => {})
    return (await window).sizes.get(key)
  }

  async #listFrom (name: string): Promise<Window> {
    // Of one blob there may be two files, the one without an ending first.
    const from = this.#key(name.replace(/(?:\.gz)?$/, '').slice(0, -1))
    const sizes = new Map<string, number>()
    for await (const { key, size } of listObjects(this.#client, { prefix: this.#key(values), after: from })) {
      sizes.set(key, size)
      if (sizes.size === ahead) return { from, to: key, sizes }
    }
    return { from, to: undefined, sizes }
  }

  async #head (name: string): Promise<number | undefined> {
    const key = this.#key(name)
    const head = await this.#client.send({ method: 'HEAD', key, doing: `reading ${key}` }, { tolerate: ({ status }) => status === 404 })
    return head === undefined ? undefined : Number(head.headers['content-length'])
  }

  async list (folder: string): Promise<string[]> {
    const prefix = this.#key(folder === '' ? '' : `${folder}/`)
    const names = new Set<string>()
    for await (const { key } of listObjects(this.#client, { prefix })) names.add(key.slice(prefix.length).split('/', 1)[0] ?? '')
    return [...names]
  }

  async scratch (): Promise<string> {
    this.#work ??= mkdtemp(join(tmpdir(), 'fastify-cdmi-backup-')).catch((error: unknown) => { throw toStorageError(error, `writing in ${tmpdir()}`) })
    return join(await this.#work, randomUUID())
  }

  /** Of what was killed: nothing is there that was not whole, but parts of uploads, which a rule of the bucket is to remove. */
  async tidy (): Promise<void> {
    if (this.#work !== undefined) await rm(await this.#work, { recursive: true, force: true })
  }

  async close (): Promise<void> {
    await this.#client.close()
  }

  #key (name: string): string {
    if (name !== '' && !isFileName(name.replace(/\/$/, ''))) throw new StorageError('format', `"${name}" is not the name of a file of a backup`)
    return this.#prefix + name
  }
}
