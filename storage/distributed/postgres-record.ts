/** Records as rows. */
import type { JsonObject, ObjectID, RecordHead, StoredRecord } from '../contract.js'
import { idText } from '../object-key.js'

export type HeadRow = [id: Buffer, version: string, type: string, parentID: Buffer | null, name: Buffer | null, size: string, attributes: string]
export type RecordRow = [...HeadRow, inline: Buffer | null]

/** What a head is made of, of the table or function that is called `table`. */
export const headColumns = (table: string): string => ['id', 'version', 'type', 'parent_id', 'name', 'size', 'attributes'].map(column => `${table}.${column}`).join(', ')
export const recordColumns = (table: string): string => `${headColumns(table)}, ${table}.inline`

/** A record over its row; the attributes are decoded when somebody asks for them. */
export class PostgresHead implements RecordHead {
  readonly id: ObjectID
  readonly version: number
  readonly type: string
  readonly parentID: ObjectID | undefined
  readonly name: string | undefined
  readonly size: number
  readonly #text: string
  #attributes: JsonObject | undefined

  constructor ([id, version, type, parentID, name, size, attributes]: HeadRow) {
    this.id = idText(id)
    this.version = Number(version)
    this.type = type
    this.parentID = parentID === null ? undefined : idText(parentID)
    this.name = name?.toString()
    this.size = Number(size)
    this.#text = attributes
  }

  get attributes (): JsonObject {
    this.#attributes ??= JSON.parse(this.#text) as JsonObject
    return this.#attributes
  }
}

export class PostgresRecord extends PostgresHead implements StoredRecord {
  readonly inline: Uint8Array | undefined

  constructor ([...row]: RecordRow) {
    const [id, version, type, parentID, name, size, attributes, inline] = row
    super([id, version, type, parentID, name, size, attributes])
    this.inline = inline ?? undefined
  }
}
