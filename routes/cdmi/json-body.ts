/**
 * CDMI requests as they come in (GEN-08): one JSON object, small but for what may be of any length and stand at any place among the others: its
 * fields `value` and `deserializevalue`. The small fields are gathered; the long ones go by as streams.
 */
import { type JsonStream, JsonReader } from '../../cdmi/codecs/json-reader.js'
import { InvalidJson, TooLarge } from '../../cdmi/errors.js'
import type { ValueSource } from '../../cdmi/values.js'
import type { JsonObject } from '../../storage/contract.js'

/** The field `value` of a body, unread. What is left of it when the callback returns is checked and dropped. */
export type JsonValueStream = JsonStream

export interface CdmiBodyOptions {
  /** Most bytes of all that is small; default 1 MiB. More is TooLarge. */
  readonly limit?: number | undefined
  /**
   * Called when the value is met, with the fields that stood before it. Whatever it makes of the value is to be thrown away when the
   * reader throws in the end: only then is the body known to be JSON.
   */
  readonly onValue: (value: JsonValueStream, fields: Readonly<JsonObject>) => Promise<void>
  /** The same for the field `deserializevalue`, when it is a string; among the fields it is `''` then. Undefined: it is a small field like others. */
  readonly onSerialized?: ((text: ValueSource) => Promise<void>) | undefined
}

const defaultLimit = 1024 * 1024
const valueField = 'value'
const serializedField = 'deserializevalue'

/** Reads a body: its fields but `value`. No body at all is `{}` (CLI-03). Throws InvalidJson, TooLarge, and what the source and the callbacks throw. */
export async function readCdmiBody (source: AsyncIterable<Uint8Array>, { limit = defaultLimit, onValue, onSerialized }: CdmiBodyOptions): Promise<JsonObject> {
  const json = new JsonReader(source, () => new TooLarge(`The fields of the body, all but "${valueField}", are longer than ${limit} bytes, the limit of this server`))
  const fields: JsonObject = {}
  let hasValue = false

  /** A long field; its bytes do not count. */
  async function long (key: string, take: (stream: JsonStream) => Promise<void>): Promise<void> {
    const stream = await json.stream(key)
    const start = json.offset
    const before = json.limit
    await take(stream)
    await (stream.kind === 'string' ? stream.text : stream.json).drain()
    json.limit = before + json.offset - start
  }

  try {
    json.limit = limit
    if (!await json.begin()) return fields
    for (let first = true; await json.member(first); first = false) {
      const key = await json.key()
      if (key === valueField ? hasValue : Object.hasOwn(fields, key)) throw new InvalidJson(`The body has the field "${key}" more than once`)
      if (key === valueField) {
        hasValue = true
        await long(key, async stream => { await onValue(stream, fields) })
      } else if (key === serializedField && onSerialized !== undefined && await json.isString()) {
        fields[key] = ''
        await long(key, async stream => { if (stream.kind === 'string') await onSerialized(stream.text) })
      } else {
        fields[key] = await json.value(key)
      }
    }
    await json.end()
    return fields
  } finally {
    json.release()
  }
}
