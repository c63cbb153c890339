/** A container made or changed in CDMI's form (COC-19 to COC-25, COC-59 to COC-61). */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Address } from '../../cdmi/address.js'
import type { ContainerChange } from '../../cdmi/container-record.js'
import type { Written } from '../../cdmi/data-object-change.js'
import { CapabilityMissing, InvalidRequest } from '../../cdmi/errors.js'
import { refuseExports } from '../../cdmi/export-protocols.js'
import { checkHonoured, updatedMetadata } from '../../cdmi/metadata.js'
import type { Cdmi } from '../../cdmi/model.js'
import { metadataChange, type TemplateChoice } from '../../cdmi/templates.js'
import type { ContainerBody } from '../../schemas/cdmi-body.js'
import type { JsonObject, StoredRecord } from '../../storage/contract.js'
import { preconditionsOf } from '../http/conditional.js'
import { bodyOf } from '../http/source.js'
import { refuseContentCoding } from '../plain/write-request.js'
import { answerWritten, requireAcceptable } from './answer-written.js'
import { containerBody, namedFields, otherFields, refuseUnoffered, updatedFields } from './body-fields.js'
import { containerOfSource, refusalAtReference, sourceField } from './from-source.js'
import { readCdmiBody } from './json-body.js'
import type { CdmiQuery } from './query.js'
import { SerializedInput } from './serialized-input.js'
import { templateChoice } from './template-choice.js'

export async function writeContainer (request: FastifyRequest, reply: FastifyReply, address: Address, query: CdmiQuery, mode: 'put' | 'patch'): Promise<FastifyReply> {
  const { raw, server: { cdmi }, principal } = request
  refuseContentCoding(raw.headers['content-encoding'])
  // What must fail fails before the body is read; a data object, or a container without its slash, has said so here.
  const there = await cdmi.containers.find(principal, address).catch(async (error: unknown) => { throw await refusalAtReference(request, error, mode, preconditionsOf(raw.headers)) })
  if (!address.slash) throw new InvalidRequest('The URI of a container ends in "/"; nothing was made')
  if (there === undefined) requireAcceptable(request, 'container')
  const input = new SerializedInput(request, { kind: 'container', at: { mode, address } })
  try {
    const fields = await readCdmiBody(bodyOf(raw), {
      async onValue () { throw new InvalidRequest('A container has no "value"') },
      async onSerialized (text) { await input.readBase64(text) }
    })
    const written = await input.commit(fields, query, checkedBody) ?? await ofSource(request, address, namedFields(fields, query), query, mode)
    // What is below it may be more than anybody wants to see at once (CMV-10).
    if (written !== undefined) return await answerWritten(request, reply, written)
    return await answerWritten(request, reply, await changed(request, address, there?.record, namedFields(fields, query), query, mode), { childrenrange: '', children: [] })
  } finally {
    input.end()
  }
}

/** A copy, a moved container, a reference; undefined when the body is about none of them. */
async function ofSource (request: FastifyRequest, address: Address, fields: JsonObject, query: CdmiQuery, mode: 'put' | 'patch'): Promise<Written | undefined> {
  const source = sourceField(fields)
  if (source === undefined) return undefined
  checkedBody(fields)
  return await containerOfSource(request, { source, address, mode, query, fields, preconditions: preconditionsOf(request.raw.headers) })
}

async function changed (request: FastifyRequest, address: Address, before: StoredRecord | undefined, fields: JsonObject, query: CdmiQuery, mode: 'put' | 'patch'): Promise<Written> {
  const { raw, principal, server: { cdmi } } = request
  const preconditions = preconditionsOf(raw.headers)
  const body = checkedBody(fields)
  if (fields['serialize'] !== undefined) throw new InvalidRequest('A serialization is the value of a data object; a container cannot be made of one with "serialize"')
  refuseUnoffered(body)
  const change = containerChange(cdmi, body, fields, query, templateChoice(request, body.capabilitiesURI, 'container', before))
  return mode === 'put'
    ? await cdmi.containers.create(principal, address, preconditions, change)
    : await cdmi.containers.update(principal, address, change, preconditions)
}

function containerChange (cdmi: Cdmi, body: ContainerBody, fields: JsonObject, query: CdmiQuery, template: TemplateChoice | undefined): ContainerChange {
  const others = otherFields(fields, 'container')
  const metadata = body.metadata as JsonObject | undefined
  if (metadata !== undefined) checkHonoured(metadata, cdmi.capabilities, 'container')
  const names = query.metadata.length > 0 ? query.metadata : undefined
  const named = query.fields.length > 0
  return {
    metadata: metadataChange(template, metadata !== undefined || names !== undefined ? before => updatedMetadata(before, metadata, names, cdmi.limits) : undefined),
    template,
    fields: Object.keys(others).length > 0 || named ? before => updatedFields(before, others, query) : undefined
  }
}

function checkedBody (fields: JsonObject): ContainerBody {
  const body = containerBody(fields)
  refuseExtras(body)
  return body
}

/** Snapshots and exports belong to capabilities that are not offered. */
function refuseExtras ({ snapshot, exports = {} }: ContainerBody): void {
  if (snapshot !== undefined) throw new CapabilityMissing('cdmi_snapshot', 'containers')
  refuseExports(exports)
}
