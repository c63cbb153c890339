/**
 * Makes a container of a plain directory: of one that was exported, with all that its sidecars say, or of any other. Each object is made by the model, in a step
 * of its own, under all rules that hold for requests.
 */
import { createHash } from 'node:crypto'
import { createReadStream, type Dirent } from 'node:fs'
import { lstat, opendir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { encodingAfter } from '../../cdmi/data-object-record.js'
import type { Address } from '../../cdmi/address.js'
import { describe } from '../../cdmi/address.js'
import { IsReference, MissingSlash, PreconditionFailed } from '../../cdmi/errors.js'
import type { Cdmi } from '../../cdmi/model.js'
import { checkNewName } from '../../cdmi/names.js'
import type { Preconditions } from '../../cdmi/preconditions.js'
import { itself } from '../../cdmi/principal.js'
import { kindOf, serializedObject, type SerializedObject } from '../../cdmi/serialized-object.js'
import { valueTypeOf } from '../../routes/http/content-type.js'
import type { JsonObject } from '../../storage/contract.js'
import { sidecarName } from './file-names.js'
import { typeOfFile } from './file-types.js'
import { type ChildLine, readSidecar, SidecarError } from './sidecar.js'
import { eachOf, emptyReport, type TreeOptions, type TreeReport } from './tree-report.js'

export interface ImportOptions extends TreeOptions {
  /** What becomes of data objects and references that are there already: they are a problem, they stay, or (data objects) they get the new value. */
  readonly existing: 'fail' | 'keep' | 'replace'
  /** Nothing is made. */
  readonly dryRun: boolean
}

/** Made as it is, or as a sidecar says. */
interface Child {
  readonly name: string
  readonly file: string | undefined
  readonly said: SerializedObject | undefined
  readonly note: ChildLine | undefined
}

/** `container`: where the children of the directory go; it is made when it is not there, its parent must be. Throws what is wrong with all of it: errors of the model for that container, StorageError, and what the file system says of the directory. */
export async function importTree (cdmi: Cdmi, directory: string, container: Address, options: ImportOptions): Promise<TreeReport> {
  return await new TreeImport(cdmi, options).run(resolve(directory), container)
}

const batch = 100

class TreeImport {
  readonly #cdmi: Cdmi
  readonly #options: ImportOptions
  readonly #report = emptyReport()
  #total = 0

  constructor (cdmi: Cdmi, options: ImportOptions) {
    this.#cdmi = cdmi
    this.#options = options
  }

  async run (directory: string, container: Address): Promise<TreeReport> {
    // Before anything is made: a directory that is none, a container that cannot be.
    await (await opendir(directory)).close()
    const isNew = this.#options.dryRun || (await this.#cdmi.containers.create(itself, container)).created
    this.#total = await sizeOf(directory, this.#options.signal)
    this.#options.progress({ phase: 'values', done: 0, total: this.#total })
    await this.#container(directory, container, isNew)
    return this.#report
  }

  async #container (directory: string, address: Address, isNew: boolean): Promise<void> {
    const listed = new Set<string>([sidecarName])
    const below: Array<{ readonly file: string, readonly name: string }> = []
    let waiting: Child[] = []
    const flush = async (): Promise<void> => {
      this.#options.signal.throwIfAborted()
      await eachOf(waiting, async child => { await this.#child(directory, address, child) })
      waiting = []
    }
    const add = async (child: Child): Promise<void> => {
      if (child.said?.kind === 'container' && child.said.reference === undefined && child.file !== undefined) below.push({ file: child.file, name: child.name })
      else if (waiting.push(child) >= batch) await flush()
    }
    try {
      for await (const line of readSidecar(directory)) {
        if ('container' in line) {
          await this.#describe(address, line.container, isNew)
          continue
        }
        if (line.file !== undefined) listed.add(line.file)
        const said = this.#read(directory, line)
        if (said?.name !== undefined) await add({ name: said.name, file: line.file, said, note: line })
      }
    } catch (error) {
      if (!(error instanceof SidecarError)) throw error
      this.#problem(error.message)
    }
    await flush()
    for await (const entry of await opendir(directory)) {
      if (listed.has(entry.name)) continue
      if (entry.isDirectory()) below.push({ file: entry.name, name: entry.name })
      else if (entry.isFile()) await add({ name: entry.name, file: entry.name, said: undefined, note: undefined })
      else this.#problem(`${join(directory, entry.name)} was not imported: it is ${kindOfEntry(entry)}, not a file or a directory`)
    }
    await flush()
    for (const { file, name } of below) await this.#below(join(directory, file), address, name)
  }

  async #below (directory: string, parent: Address, name: string): Promise<void> {
    const address = { from: parent.from, names: [...parent.names, name], slash: true }
    let isNew = true
    const made = await this.#attempt(directory, async () => {
      checkNewName(name, isRoot(parent))
      // A link would lead to somewhere else.
      if (!(await lstat(directory)).isDirectory()) throw new SidecarError('it is not a directory')
      this.#report.containers++
      if (!this.#options.dryRun) isNew = (await this.#cdmi.containers.create(itself, address)).created
    })
    if (made) await this.#container(directory, address, isNew)
  }

  /** What a sidecar says of the container itself. One that was there stays as it is, unless it is to be replaced. */
  async #describe (address: Address, container: JsonObject, isNew: boolean): Promise<void> {
    if (!isNew && this.#options.existing !== 'replace') return
    await this.#attempt(describe(address), async () => {
      const { objectName: _, ...fields } = container
      const { metadata, fields: others } = serializedObject({ ...fields, objectName: 'x/' }, undefined, [], false, this.#reading)
      if (!this.#options.dryRun && (Object.keys(metadata).length > 0 || Object.keys(others).length > 0)) await this.#cdmi.containers.update(itself, address, { metadata: () => metadata, fields: () => others })
    })
  }

  get #reading (): Parameters<typeof serializedObject>[4] {
    return { limits: this.#cdmi.limits, capabilities: this.#cdmi.capabilities, normalType: type => valueTypeOf(type, '"mimetype"')?.mimetype ?? type }
  }

  #read (directory: string, { object, file }: ChildLine): SerializedObject | undefined {
    try {
      return serializedObject(object, undefined, kindOf(object) === 'container' && object['reference'] === undefined ? [] : undefined, false, this.#reading)
    } catch (error) {
      this.#failed(join(directory, file ?? String(object['objectName'])), error)
      return undefined
    }
  }

  async #child (directory: string, parent: Address, child: Child): Promise<void> {
    const { name, file, said } = child
    const path = join(directory, file ?? name)
    const address = { from: parent.from, names: [...parent.names, name], slash: said?.kind === 'container' }
    await this.#attempt(path, async () => {
      checkNewName(name, isRoot(parent))
      if (said?.reference !== undefined) {
        await this.#existing(address, async preconditions => { await this.#cdmi.createReference(itself, { mode: 'put', address }, said.reference ?? '', preconditions) }, true)
        this.#report.references++
        return
      }
      if (file === undefined) throw new SidecarError('its sidecar names no file')
      const { size } = await fileAt(path)
      await this.#existing(address, async preconditions => { await this.#dataObject(path, address, child, size, preconditions) }, false)
      this.#report.objects++
      this.#report.bytes += size
      this.#options.progress({ phase: 'values', done: this.#report.bytes, total: this.#total })
    })
  }

  /** Makes what is not there yet, or as the options say. */
  async #existing (address: Address, make: (preconditions: Preconditions | undefined) => Promise<void>, isReference: boolean): Promise<void> {
    const { existing, dryRun } = this.#options
    try {
      if (!dryRun) return await make(existing === 'replace' && !isReference ? undefined : { ifNoneMatch: '*' })
      if (existing !== 'replace' && await this.#isThere(address)) throw new PreconditionFailed('it exists')
    } catch (error) {
      if (!(error instanceof PreconditionFailed)) throw error
      if (existing === 'fail') throw new SidecarError(`${describe(address)} exists already, and stays as it is`)
      this.#report.kept++
    }
  }

  async #isThere (address: Address): Promise<boolean> {
    try {
      await this.#cdmi.dataObjects.read(itself, address, () => [])
      return true
    } catch (error) {
      if (error instanceof IsReference || error instanceof MissingSlash) return true
      if (statusOf(error) === 404) return false
      throw error
    }
  }

  async #dataObject (path: string, address: Address, { name, said, note }: Child, length: number, preconditions: Preconditions | undefined): Promise<void> {
    const type = said === undefined ? typeOfFile(name) : { mimetype: said.mimetype, encoding: said.encoding ?? 'base64' }
    const hash = createHash('sha256')
    const source = readFile(path, hash, this.#options.signal)
    const write = await this.#cdmi.dataObjects.begin(itself, { mode: 'put', address }, preconditions)
    try {
      const staged = await write.stage(source, { length, utf8: type.encoding === 'utf-8' ? 'observe' : undefined })
      await write.commit({
        value: { kind: 'whole', staged },
        mimetype: type.mimetype,
        encoding: (value, before) => encodingAfter({ source, mimetype: type.mimetype ?? 'application/octet-stream', valuetransferencoding: type.encoding }, staged, value, before),
        ...said !== undefined && { metadata: () => said.metadata, fields: () => said.fields }
      })
    } finally {
      write.end()
    }
    if (note?.sha256 !== undefined && note.sha256 !== hash.digest('hex')) this.#options.tell(`${path} has other bytes than were exported; it was imported as it is now`, true)
  }

  /** False: it did not work, and that was told. */
  async #attempt (what: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (error) {
      this.#failed(what, error)
      return false
    }
  }

  /** Throws what is not about this one alone. */
  #failed (what: string, error: unknown): void {
    this.#options.signal.throwIfAborted()
    if (!isOfOne(error)) throw error
    this.#problem(`${what} was not imported: ${error instanceof Error ? error.message : String(error)}`)
  }

  #problem (problem: string): void {
    this.#report.problems++
    this.#options.tell(problem)
  }
}

const isRoot = ({ from, names }: Address): boolean => from === undefined && names.length === 0

/** Throws SidecarError for what is no file: a link would lead to somewhere else. */
async function fileAt (path: string): Promise<{ size: number }> {
  const stat = await lstat(path)
  if (!stat.isFile()) throw new SidecarError('it is not a file')
  return stat
}

async function * readFile (path: string, hash: ReturnType<typeof createHash>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) {
    signal.throwIfAborted()
    hash.update(chunk as Buffer)
    yield chunk as Buffer
  }
}

/** Bytes of all files. */
async function sizeOf (directory: string, signal: AbortSignal): Promise<number> {
  let size = 0
  for await (const entry of await opendir(directory, { recursive: true })) {
    signal.throwIfAborted()
    if (entry.isFile() && entry.name !== sidecarName) size += await lstat(join(entry.parentPath, entry.name)).then(({ size }) => size, () => 0)
  }
  return size
}

function kindOfEntry (entry: Dirent): string {
  return entry.isSymbolicLink() ? 'a link' : entry.isSocket() ? 'a socket' : entry.isFIFO() ? 'a pipe' : 'something else'
}

function statusOf (error: unknown): number | undefined {
  const { statusCode } = Object(error) as { statusCode?: unknown }
  return typeof statusCode === 'number' ? statusCode : undefined
}

/** Files that cannot be read. */
const unreadable: ReadonlySet<unknown> = new Set(['ENOENT', 'EACCES', 'EPERM', 'ELOOP', 'ENAMETOOLONG', 'EIO', 'EISDIR', 'ENOTDIR'])

/** Whether an error is about one object alone, so that the rest can be imported. */
function isOfOne (error: unknown): boolean {
  if (error instanceof SidecarError || error instanceof IsReference || error instanceof MissingSlash) return true
  const status = statusOf(error)
  if (status !== undefined) return status < 500
  return unreadable.has((error as NodeJS.ErrnoException | null)?.code)
}
