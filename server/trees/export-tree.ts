/**
 * Writes a container as a plain directory: values as files, containers as directories, and a sidecar in each with what files cannot say. Each object is of one moment, the
 * tree is not: what is changed meanwhile is there as it was before or after.
 */
import { createHash } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, unlink } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Cdmi } from '../../cdmi/model.js'
import { type CdmiObject, isContainer, isReference, attributesOf } from '../../cdmi/record.js'
import { fieldsOf, fieldsWithin, rawPath } from '../../cdmi/representation.js'
import { shownName } from '../../cdmi/containers.js'
import { type Entry, type JsonObject, StorageError } from '../../storage/contract.js'
import { makeDirectory } from '../../storage/files/make-directory.js'
import { fileNameOf } from './file-names.js'
import { type ChildLine, SidecarWriter } from './sidecar.js'
import { TreeError } from './tree-error.js'
import { eachOf, emptyReport, type TreeOptions, type TreeReport } from './tree-report.js'

/** What there is to export. */
export async function measureTree (cdmi: Cdmi, top: CdmiObject, { signal }: Pick<TreeOptions, 'signal'>): Promise<TreeReport> {
  const report = emptyReport()
  report.containers = 1
  for await (const steps of cdmi.containers.walk(cdmi.containers.pages(top.record, {}))) {
    signal.throwIfAborted()
    const entries = steps.flatMap(step => typeof step === 'string' ? [] : [step])
    for (const record of await cdmi.containers.records(entries)) {
      if (record === undefined) continue
      if (isContainer(record)) report.containers++
      else if (isReference(record)) report.references++
      else {
        report.objects++
        report.bytes += record.size
      }
    }
  }
  return report
}

/** `directory`: empty, or not there. Throws TreeError, StorageError, and what the file system says. */
export async function exportTree (cdmi: Cdmi, top: CdmiObject, directory: string, options: TreeOptions): Promise<TreeReport> {
  const root = resolve(directory)
  await makeDirectory(root)
  if ((await readdir(root)).length > 0) throw new TreeError(`${root} is not empty; an export needs an empty directory or a new one`)
  const { bytes } = await measureTree(cdmi, top, options)
  return await new TreeExport(cdmi, options, bytes).run(top, root)
}

/** What a file system cannot hold, as it says itself. */
const unholdable: ReadonlySet<unknown> = new Set(['ENAMETOOLONG', 'EILSEQ', 'EINVAL', 'ENOENT'])

/** A container whose directory is made, and is still to be filled. Of many only so much is held. */
interface Below {
  readonly entry: Entry
  readonly file: string
}

class TreeExport {
  readonly #cdmi: Cdmi
  readonly #options: TreeOptions
  readonly #total: number
  readonly #report = emptyReport()

  constructor (cdmi: Cdmi, options: TreeOptions, total: number) {
    this.#cdmi = cdmi
    this.#options = options
    this.#total = total
  }

  async run (top: CdmiObject, directory: string): Promise<TreeReport> {
    this.#options.progress({ phase: 'values', done: 0, total: this.#total })
    await this.#container(top, directory, true)
    return this.#report
  }

  async #container (object: CdmiObject, directory: string, isTop: boolean): Promise<void> {
    const { record, ancestors } = object
    this.#report.containers++
    const chain = [...ancestors, record]
    const sidecar = await SidecarWriter.make(directory, await this.#fields(object, isTop))
    const below: Below[] = []
    try {
      for await (const page of this.#cdmi.containers.pages(record, {})) {
        this.#options.signal.throwIfAborted()
        const records = (await this.#cdmi.containers.records(page)).filter(one => one !== undefined)
        const lines = await eachOf(records.filter(one => one.parentID === record.id), async child => await this.#child({ record: child, ancestors: chain }, directory))
        for (const line of lines) if (line?.below !== undefined) below.push(line.below)
        await sidecar.add(lines.flatMap(line => line === undefined ? [] : [line.line]))
      }
      await sidecar.end()
    } finally {
      await sidecar.close()
    }
    for (const { entry, file } of below) {
      const [record] = await this.#cdmi.containers.records([entry])
      // One that was deleted meanwhile is an empty directory.
      if (record !== undefined) await this.#container({ record, ancestors: chain }, join(directory, file), false)
    }
  }

  /** Undefined: it is not there any more, or could not be exported. */
  async #child (object: CdmiObject, directory: string): Promise<{ line: ChildLine, below?: Below } | undefined> {
    const { record } = object
    try {
      if (isReference(record)) {
        this.#report.references++
        // It has nothing but its place and its target.
        const { objectType = '', objectID = '', objectName = '', parentURI = '', parentID = '' } = await this.#fields(object, false)
        return { line: { object: { objectType, objectID, objectName, parentURI, parentID, reference: attributesOf(record).reference ?? '' } } }
      }
      if (isContainer(record)) {
        const file = await freeName(record.name ?? record.id, async name => { await mkdir(join(directory, name)) })
        return { line: { object: await this.#fields(object, false), file }, below: { entry: { id: record.id, name: record.name ?? '', type: record.type }, file } }
      }
      const line = await this.#dataObject(object, directory)
      return line === undefined ? undefined : { line }
    } catch (error) {
      if (!isOfOne(error)) throw error
      this.#problem(object, error instanceof Error ? error.message : String(error))
      return undefined
    }
  }

  async #dataObject ({ record: found, ancestors }: CdmiObject, directory: string): Promise<ChildLine | undefined> {
    const opened = await this.#cdmi.dataObjects.openRecord(found)
    if (opened === undefined || opened.record.parentID !== found.parentID || opened.record.name !== found.name) return undefined
    const { record, content } = opened
    const { completionStatus } = attributesOf(record)
    if (completionStatus !== 'Complete') {
      this.#problem({ record, ancestors }, `its completionStatus is "${completionStatus}", so there is no value to be exported`)
      return undefined
    }
    let handle: FileHandle | undefined
    const file = await freeName(record.name ?? record.id, async name => { handle = await open(join(directory, name), 'wx') })
    if (handle === undefined) throw new Error('no file was made')
    const hash = createHash('sha256')
    try {
      for await (const chunk of content.stream()) {
        this.#options.signal.throwIfAborted()
        hash.update(chunk)
        await handle.writeFile(chunk)
        this.#report.bytes += chunk.length
        this.#options.progress({ phase: 'values', done: this.#report.bytes, total: this.#total })
      }
      const modified = attributesOf(record).modified / 1_000_000
      await handle.utimes(modified, modified)
    } catch (error) {
      await handle.close()
      await unlink(join(directory, file))
      throw error
    }
    await handle.close()
    this.#report.objects++
    return { object: { ...await this.#fields({ record, ancestors }, false), valuetransferencoding: attributesOf(record).valuetransferencoding ?? 'base64' }, file, size: record.size, sha256: hash.digest('hex') }
  }

  /** As a serialization has them: only the topmost has what it inherits, for below it that is inherited again. */
  async #fields (object: CdmiObject, isTop: boolean): Promise<JsonObject> {
    const { record, ancestors } = object
    const root = { parentURI: '', capabilities: this.#cdmi.capabilities }
    const known = { ...await this.#cdmi.knownWithin(record, {}, await this.#cdmi.accesses(record.id), { hash: false }), whole: true }
    const parent = ancestors.at(-1)
    if (isTop || parent === undefined) return fieldsOf(object, root, known)
    return fieldsWithin(record, { parent: { parentURI: rawPath(ancestors), parentID: parent.id }, inherited: {} }, root, known)
  }

  #problem ({ record, ancestors }: CdmiObject, problem: string): void {
    this.#report.problems++
    this.#options.tell(`${rawPath(ancestors)}${shownName({ name: record.name ?? record.id, type: record.type })} was not exported: ${problem}`)
  }
}

/** Makes something under the name that an object has as a file, or under one apart where the file system takes that for another one's. */
async function freeName (name: string, make: (file: string) => Promise<void>): Promise<string> {
  const file = fileNameOf(name)
  try {
    await make(file)
    return file
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const other = fileNameOf(name, true)
    await make(other)
    return other
  }
}

/** Whether an error is about one object alone, so that the rest can be exported. */
function isOfOne (error: unknown): boolean {
  if (error instanceof StorageError) return error.reason === 'missing' || error.reason === 'corrupt'
  return unholdable.has((error as NodeJS.ErrnoException).code)
}
