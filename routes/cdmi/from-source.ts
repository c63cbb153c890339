/** Objects made of others: `copy`, `move` and `reference` in a body (CMV, GEN-46 to GEN-52). */
import type { FastifyRequest } from 'fastify'
import type { Address } from '../../cdmi/address.js'
import type { SourceSaid } from '../../cdmi/copy-selection.js'
import type { Written } from '../../cdmi/data-object-change.js'
import { InvalidRequest, IsReference, SourceUnusable } from '../../cdmi/errors.js'
import { taken } from '../../cdmi/free-place.js'
import { checkHonoured } from '../../cdmi/metadata.js'
import type { PartialMessage } from '../../cdmi/partial-upload.js'
import type { Preconditions } from '../../cdmi/preconditions.js'
import type { SourceKind } from '../../cdmi/sources.js'
import type { WriteAim } from '../../cdmi/write-aim.js'
import type { ContainerBody, DataObjectBody } from '../../schemas/cdmi-body.js'
import type { JsonObject } from '../../storage/contract.js'
import { valueTypeOf } from '../http/content-type.js'
import { requestTarget } from '../http/request-path.js'
import { bodyOf } from '../http/source.js'
import { containerBody, dataObjectBody, mimetypeField, namedFields, otherFields, refuseUnoffered } from './body-fields.js'
import { readCdmiBody } from './json-body.js'
import { delayOf, refuseTemplate, whileWaited } from './made-of-others.js'
import type { CdmiQuery } from './query.js'
import type { ReceivedObject } from './receive-object.js'
import { copySelection, namedSource, remoteSource, type RemoteSourceURI } from './source-query.js'

const sourceFields = ['copy', 'move', 'reference'] as const
export type SourceField = typeof sourceFields[number]

/** Which of the three a body has; undefined: none. */
export function sourceField (fields: JsonObject): SourceField | undefined {
  return sourceFields.find(name => fields[name] !== undefined)
}

interface FromSource {
  readonly source: SourceField
  readonly query: CdmiQuery
  readonly preconditions: Preconditions | undefined
}

export interface DataObjectFromSource extends FromSource {
  readonly aim: WriteAim
  readonly received: ReceivedObject
  readonly partial: PartialMessage | undefined
}

/** A data object, or a reference at the URI of one. */
export async function dataObjectOfSource (request: FastifyRequest, { source, aim, query, received, partial, preconditions }: DataObjectFromSource): Promise<Written> {
  const { cdmi } = request.server
  if (received.parts !== undefined) throw new InvalidRequest(`"${source}" says what the object is made of; there can be no value in further parts`)
  const fields = namedFields(received.fields, query)
  const body = dataObjectBody(fields, received.value !== undefined)
  refuseForMode(source, aim.mode)
  if (partial?.more === true || partial?.uploadID !== undefined) throw new InvalidRequest(`X-CDMI-Partial announces parts of a value, but with "${source}" there are none`)
  if (source === 'reference') return await cdmi.createReference(request.principal, aim, targetOf(received.fields, body, query), preconditions)
  refuseUnoffered(body)
  refuseTemplate(request, source, body.capabilitiesURI, 'dataobject')
  const said = { ...saidOf(request, body, fields, 'dataobject'), mimetype: valueTypeOf(body.mimetype, mimetypeField)?.mimetype }
  const text = body[source] ?? ''
  const remote = remoteSource(request, source, text)
  if (remote !== undefined) return await dataObjectOfRemote(request, { source, aim, query, preconditions, said, remote })
  const named = namedSource(request, source, text)
  if (source === 'move') {
    refuseFields(named.query, query)
    return await cdmi.move(request.principal, aim, { source: named.address, kind: 'dataobject', said }, preconditions)
  }
  return await cdmi.copyDataObject(request.principal, aim, { source: named.address, selection: copySelection('dataobject', named.query, query), said }, preconditions)
}

interface DataObjectFromRemote extends Omit<DataObjectFromSource, 'source' | 'received' | 'partial'> {
  readonly source: 'copy' | 'move'
  readonly said: SourceSaid
  readonly remote: RemoteSourceURI
}

async function dataObjectOfRemote (request: FastifyRequest, { source, aim, query, preconditions, said, remote: { uri, query: named } }: DataObjectFromRemote): Promise<Written> {
  const { cdmi } = request.server
  return await whileWaited(request, async signal => {
    const options = { preconditions, signal, delayedAfter: delayOf(request) }
    if (source === 'copy') return await cdmi.copyRemoteObject(request.principal, aim, { uri, named: named.fields, selection: copySelection('dataobject', named, query), said }, options)
    refuseFields(named, query)
    return await cdmi.moveRemoteObject(request.principal, aim, { uri, said }, options)
  })
}

export interface ContainerFromSource extends FromSource {
  readonly address: Address
  readonly mode: 'put' | 'patch'
  readonly fields: JsonObject
}

/** A container, or a reference at the URI of one. */
export async function containerOfSource (request: FastifyRequest, { source, address, mode, query, fields, preconditions }: ContainerFromSource): Promise<Written> {
  const { principal, server: { cdmi } } = request
  const body = containerBody(fields)
  refuseForMode(source, mode)
  const aim = { mode, address }
  if (source === 'reference') return await cdmi.createReference(principal, aim, targetOf(fields, body, query), preconditions)
  refuseUnoffered(body)
  refuseTemplate(request, source, body.capabilitiesURI, 'container')
  const said = saidOf(request, body, fields, 'container')
  const text = body[source] ?? ''
  if (remoteSource(request, source, text) !== undefined) throw new SourceUnusable('The source is on another server, from which data objects are taken, but no containers')
  const named = namedSource(request, source, text)
  if (source === 'move') {
    refuseFields(named.query, query)
    return await cdmi.move(principal, aim, { source: named.address, kind: 'container', said }, preconditions)
  }
  const copy = { source: named.address, selection: copySelection('container', named.query, query), said }
  const options = { preconditions, delayedAfter: delayOf(request) }
  return await (mode === 'put' ? cdmi.copyContainer(principal, address, copy, options) : cdmi.replaceContainer(principal, address, copy, options))
}

/**
 * What a write is refused with at a reference: a redirect as everything else, but a PUT that makes another reference, a copy or a move would make it
 * elsewhere then.
 */
export async function refusalAtReference (request: FastifyRequest, error: unknown, mode: WriteAim['mode'], preconditions: Preconditions | undefined): Promise<unknown> {
  if (mode !== 'put' || !(error instanceof IsReference)) return error
  const fields = await readCdmiBody(bodyOf(request.raw), { async onValue () { throw error } })
  return sourceField(fields) === undefined ? error : taken(requestTarget(request.raw.url ?? '/', request.server.prefix).path, preconditions)
}

/** What goes with PUT and POST only: an object that is there cannot become another one, or a reference. */
function refuseForMode (source: SourceField, mode: WriteAim['mode']): void {
  if (mode === 'patch' && source !== 'copy') throw new InvalidRequest(`"${source}" makes an object at a URI where there is none; use PUT, not PATCH`)
}

/** A reference has nothing but its target (GEN-47). */
function targetOf (fields: JsonObject, body: DataObjectBody | ContainerBody, query: CdmiQuery): string {
  const others = Object.keys(fields).filter(name => name !== 'reference')
  if (others.length > 0) throw new InvalidRequest(`"reference" stands alone in a body; leave out ${others.map(name => `"${name}"`).join(', ')}`)
  if (query.fields.length > 0) throw new InvalidRequest('A reference has no fields; leave them out of the URI')
  return body.reference ?? ''
}

/** Throws InvalidRequest for metadata that cannot be acted on. */
function saidOf ({ server: { cdmi } }: FastifyRequest, body: DataObjectBody | ContainerBody, fields: JsonObject, kind: SourceKind): SourceSaid {
  const others = otherFields(fields, kind)
  const metadata = body.metadata as JsonObject | undefined
  if (metadata !== undefined) checkHonoured(metadata, cdmi.capabilities, kind)
  return { metadata, fields: Object.keys(others).length > 0 ? others : undefined }
}

function refuseFields (source: CdmiQuery, destination: CdmiQuery): void {
  if (source.fields.length > 0 || destination.fields.length > 0) throw new InvalidRequest('A move takes the whole object; leave the fields out of the URI')
}
