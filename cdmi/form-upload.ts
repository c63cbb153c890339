/** An HTML form's files (HCO-14, CLI-30 to CLI-32): each becomes a data object, all of them in one commit, or none. */
import type { RecordAttributes, ValueTransferEncoding } from '../schemas/record.js'
import type { JsonObject, StoredRecord } from '../storage/contract.js'
import { requireAccess } from './access.js'
import { type Address, describe, objectIDRoot } from './address.js'
import type { ModelContext } from './context.js'
import { newDataObject } from './data-object-record.js'
import { Contention, InvalidRequest } from './errors.js'
import { distinctName, safeName } from './names.js'
import type { Principal } from './principal.js'
import { ownerNameOf, type Room } from './quotas.js'
import type { CdmiObject } from './record.js'
import { Staging } from './staging.js'
import { placeWhole, stageValue, type StagedValue, type ValueSource } from './values.js'

export interface FormFile {
  /** As the client gave it; undefined or empty: the object's ID is its name. */
  readonly fileName: string | undefined
  readonly mimetype: string
  readonly valuetransferencoding: ValueTransferEncoding
  readonly source: ValueSource
}

interface StagedFile extends Omit<FormFile, 'source'> { readonly id: string, readonly staged: StagedValue }

export class FormUpload {
  readonly #context: ModelContext
  readonly #principal: Principal
  readonly #container: Address | typeof objectIDRoot
  /** Down to it, when the upload began. */
  readonly #chain: readonly StoredRecord[]
  readonly #staging: Staging
  readonly #files: StagedFile[] = []
  /** Of all of them. */
  #bytes = 0

  private constructor (context: ModelContext, principal: Principal, container: Address | typeof objectIDRoot, chain: readonly StoredRecord[]) {
    this.#chain = chain
    this.#context = context
    this.#principal = principal
    this.#container = container
    this.#staging = new Staging(context.store)
  }

  /** Begins an upload into a container that exists (else NotFound). The caller must end it. */
  static async begin (context: ModelContext, principal: Principal, container: Address | typeof objectIDRoot): Promise<FormUpload> {
    requireAccess(principal, 'write')
    const parent = container === objectIDRoot ? undefined : await context.namespace.parent(container, 'acknowledged')
    return new FormUpload(context, principal, container, parent === undefined ? [] : [...parent.ancestors, parent.record])
  }

  /** Takes one file in; durable, but visible to nobody. */
  async add (file: FormFile): Promise<void> {
    const staged = await stageValue(this.#context.store, this.#staging, file.source, {
      limit: this.#context.limits.value,
      room: await this.#room(),
      utf8: file.valuetransferencoding === 'utf-8' ? 'observe' : undefined
    })
    this.#bytes += staged.size
    const { fileName, mimetype } = file
    // A browser says charset=utf-8 of what it was told is text; the bytes are what they are.
    const valuetransferencoding = staged.utf8 === false ? 'base64' : file.valuetransferencoding
    this.#files.push({ id: this.#context.namespace.newID(), fileName, mimetype, valuetransferencoding, staged })
  }

  /** What the files before have left of it. */
  async #room (): Promise<Room | undefined> {
    const room = await this.#context.quotas.room(this.#principal, this.#chain)
    return room === undefined ? undefined : { bytes: room.bytes - this.#bytes, refuse: bytes => room.refuse(this.#bytes + bytes) }
  }

  /** Makes all objects visible at once, in the order of the form. A taken name gets the object's ID appended. */
  async commit (metadata: RecordAttributes['metadata'] = {}): Promise<CdmiObject[]> {
    if (this.#files.length === 0) throw new InvalidRequest('The form has no file; send at least one part with a file name')
    const done = await this.#context.gate.mutate(this.#principal, this.#container === objectIDRoot ? 'form' : describe(this.#container), async () => {
      const parent = this.#container === objectIDRoot ? undefined : await this.#context.namespace.parent(this.#container)
      const ancestors = parent === undefined ? [] : [...parent.ancestors, parent.record]
      const taken = new Set<string>()
      const objects: CdmiObject[] = []
      const births = this.#files.flatMap(file => file.staged.births)
      const changes = []
      for (const file of this.#files) {
        const name = parent === undefined ? file.id : await this.#freeName(parent, file, taken)
        taken.add(name)
        const put = newDataObject(file.id, parent?.record, name, { mimetype: file.mimetype, metadata: () => metadata as JsonObject }, placeWhole(file.staged), file.valuetransferencoding, ownerNameOf(this.#principal))
        changes.push({ operation: 'create' as const, ancestors, before: undefined, put })
        objects.push({ record: put, ancestors })
      }
      return { changes, staging: this.#staging, births, objects }
    })
    if (done === undefined) throw new Contention()
    return done.objects
  }

  /** The upload has ended, well or not; what was not committed is garbage. */
  end (): void {
    this.#staging.end()
  }

  async #freeName (parent: CdmiObject, file: StagedFile, taken: ReadonlySet<string>): Promise<string> {
    const name = file.fileName === undefined ? undefined : safeName(file.fileName, this.#context.namespace.isRoot(parent.record), this.#context.limits.nameLength)
    if (name === undefined) return file.id
    // Of the names that begin so it comes first: what has it need not be read, and may be long.
    const [first] = await this.#context.store.meta.children(parent.record.id, { prefix: name, limit: 1 })
    return first?.name === name || taken.has(name) ? distinctName(name, file.id) : name
  }
}
