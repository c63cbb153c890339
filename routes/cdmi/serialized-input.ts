/** What of a request is a serialization, and the object that is made of it (DOC-37, COC-33, COC-34, COC-82, SER-20). */
import type { FastifyRequest } from 'fastify'
import { type Address, objectIDRoot } from '../../cdmi/address.js'
import { decodeBase64 } from '../../cdmi/codecs/base64.js'
import type { Written } from '../../cdmi/data-object-change.js'
import type { Deserialization, DeserializationAim, SerializationSource } from '../../cdmi/deserialization.js'
import { InvalidRequest } from '../../cdmi/errors.js'
import { parseURIPath } from '../../cdmi/uri-path.js'
import type { ValueSource } from '../../cdmi/values.js'
import type { ContainerBody, DataObjectBody } from '../../schemas/cdmi-body.js'
import type { JsonObject } from '../../storage/contract.js'
import { preconditionsOf } from '../http/conditional.js'
import { valueTypeOf } from '../http/content-type.js'
import { localPath } from '../http/local-uri.js'
import { parsePartial } from '../http/partial-header.js'
import { mimetypeField, otherFields, refuseUnoffered } from './body-fields.js'
import { delayOf, refuseTemplate, whileWaited } from './made-of-others.js'
import type { CdmiQuery } from './query.js'

export class SerializedInput {
  readonly #request: FastifyRequest
  readonly #aim: DeserializationAim
  #deserialization: Deserialization | undefined

  /** To be ended in any case. */
  constructor (request: FastifyRequest, aim: DeserializationAim) {
    this.#request = request
    this.#aim = aim
  }

  async #begun (): Promise<Deserialization> {
    const { principal, raw, server: { cdmi } } = this.#request
    this.#deserialization ??= await cdmi.beginDeserialization(principal, this.#aim, type => valueTypeOf(type, mimetypeField)?.mimetype ?? type, preconditionsOf(raw.headers))
    return this.#deserialization
  }

  /** Takes in the text of the field `deserializevalue`. */
  async readBase64 (text: ValueSource): Promise<void> {
    await this.read(decodeBase64(text))
  }

  /** Takes in the serialization itself. */
  async read (json: ValueSource): Promise<void> {
    await (await this.#begun()).read(json)
  }

  /** Takes in the value of the object, which its serialization does not have. */
  async readValue (source: ValueSource, utf8: boolean): Promise<void> {
    await (await this.#begun()).takeValue(source, utf8)
  }

  /** Makes the object, when the fields say that it is to be made of a serialization; else undefined. `check` throws what is wrong with the fields. */
  async commit (fields: JsonObject, query: CdmiQuery, check: (fields: JsonObject) => DataObjectBody | ContainerBody): Promise<Written | undefined> {
    if (fields['deserialize'] === undefined && fields['deserializevalue'] === undefined) return undefined
    const { kind } = this.#aim
    const body = check(fields)
    const partial = parsePartial(this.#request.headers['x-cdmi-partial'])
    if (partial?.more === true || partial?.uploadID !== undefined) throw new InvalidRequest('A serialization does not go with X-CDMI-Partial: it says itself whether its value is whole')
    if (query.fields.length > 0) throw new InvalidRequest('A URI that names fields does not go with a serialization, which is about all of them; nothing was changed')
    refuseUnoffered(body)
    refuseTemplate(this.#request, body.deserialize === undefined ? 'deserializevalue' : 'deserialize', body.capabilitiesURI, kind)
    const deserialization = await this.#begun()
    const source = body.deserialize === undefined ? undefined : anySource(this.#request, body.deserialize)
    const mimetype = 'mimetype' in body && typeof body.mimetype === 'string' ? body.mimetype : undefined
    return await whileWaited(this.#request, async signal => await deserialization.make({
      mimetype: valueTypeOf(mimetype, mimetypeField)?.mimetype,
      metadata: body.metadata as JsonObject | undefined,
      fields: otherFields(fields, kind)
    }, { source, signal, delayedAfter: delayOf(this.#request) }))
  }

  end (): void {
    this.#deserialization?.end()
  }
}

/** The same, or the URI of one on a server that may be asked; what its query means is for that server to say. */
function anySource (request: FastifyRequest, uri: string): SerializationSource {
  const { capabilities } = request.server.cdmi
  if (localPath(request, uri) !== undefined || !capabilities.has('system', 'cdmi_object_copy_from_remote')) return wholeSource(request, uri)
  const [withoutFragment = ''] = uri.split('#', 1)
  return { uri: withoutFragment }
}

/** The address of a source of which all is wanted. Throws InvalidRequest, InvalidName, InvalidObjectID. */
export function wholeSource (request: FastifyRequest, uri: string): Address {
  const path = localPath(request, uri)
  if (path === undefined) throw new InvalidRequest('The source is on another server; only objects of this one can be serialized and deserialized')
  const { address, query } = parseURIPath(path)
  if (address === objectIDRoot) throw new InvalidRequest('"/cdmi_objectid/" is no object; behind it comes the ID of one')
  if (query !== '') throw new InvalidRequest('The URI of the source names fields; a serialization is about all of them')
  return address
}
