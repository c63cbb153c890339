/** A data object written in CDMI's form, whole or in part, by PUT, PATCH or POST (DOC-20 to DOC-41, DOC-70 to DOC-84, COC-74 to COC-88). */
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { DataObjectWrite } from '../../cdmi/data-object-write.js'
import { IncompleteBody, InvalidRange } from '../../cdmi/errors.js'
import type { PartialMessage } from '../../cdmi/partial-upload.js'
import type { Preconditions } from '../../cdmi/preconditions.js'
import type { TemplateChoice } from '../../cdmi/templates.js'
import type { ValueSource } from '../../cdmi/values.js'
import type { WriteAim } from '../../cdmi/write-aim.js'
import { preconditionsOf } from '../http/conditional.js'
import { parsePartial } from '../http/partial-header.js'
import { bodyOf } from '../http/source.js'
import { refuseContentCoding } from '../plain/write-request.js'
import { answerWritten, requireAcceptable } from './answer-written.js'
import { dataObjectBody } from './body-fields.js'
import { dataObjectOfSource, refusalAtReference, sourceField } from './from-source.js'
import { objectChange } from './object-change.js'
import type { CdmiQuery } from './query.js'
import { receiveJson, receiveParts } from './receive-object.js'
import { rootPlace } from './request.js'
import { SerializedInput, wholeSource } from './serialized-input.js'
import { templateChoice } from './template-choice.js'

export async function writeDataObject (request: FastifyRequest, reply: FastifyReply, aim: WriteAim, query: CdmiQuery, mixed: boolean): Promise<FastifyReply> {
  const { raw, server: { cdmi } } = request
  const { headers } = raw
  refuseContentCoding(headers['content-encoding'])
  const partial = parsePartial(headers['x-cdmi-partial'])
  if (mixed) cdmi.capabilities.require('system', 'cdmi_multipart_mime')
  // To be ignored it is too much: all of the value would be replaced (RFC 9110 §14.5).
  if (headers['content-range'] !== undefined) throw new InvalidRange('In the CDMI form Content-Range is for the parts of a multipart body; a range of the value is named in the URI: "?value=first-last"')
  const preconditions = preconditionsOf(headers)
  const write = await begun(request, aim, preconditions, partial)
  const input = new SerializedInput(request, { kind: 'dataobject', at: aim })
  try {
    if (write.before === undefined) requireAcceptable(request, 'object')
    const received = mixed
      ? await receiveParts(write, bodyOf(raw), headers['content-type'] ?? '', input)
      : await receiveJson(write, bodyOf(raw), { base64: query.values.length > 0, input })
    const made = await input.commit(received.fields, query, fields => dataObjectBody(fields, received.value !== undefined || received.parts !== undefined))
    if (made !== undefined) return await answerWritten(request, reply, made)
    const source = sourceField(received.fields)
    if (source !== undefined) return await answerWritten(request, reply, await dataObjectOfSource(request, { source, aim, query, received, partial, preconditions }))
    const serialize = async (uri: string): ReturnType<typeof cdmi.serialize> => {
      const { object, text } = await cdmi.serialize(request.principal, aim, wholeSource(request, uri), rootPlace(request))
      return { object, text: whileConnected(raw.socket, text) }
    }
    const template = (uri: string | undefined): TemplateChoice | undefined => templateChoice(request, uri, 'dataobject', write.before)
    const change = await objectChange({ cdmi, write, received, query, template, version1: request.cdmiVersion?.major === 1, serialize: aim.mode === 'patch' ? undefined : serialize })
    return await answerWritten(request, reply, await write.commit(change))
  } finally {
    input.end()
    write.end()
  }
}

async function begun (request: FastifyRequest, aim: WriteAim, preconditions: Preconditions | undefined, partial: PartialMessage | undefined): Promise<DataObjectWrite> {
  try {
    return await request.server.cdmi.dataObjects.begin(request.principal, aim, preconditions, partial)
  } catch (error) {
    throw await refusalAtReference(request, error, aim.mode, preconditions)
  }
}

/** Nobody waits for what is made for a client that has left: a short request can ask for a very long value. */
async function * whileConnected (socket: Socket, source: ValueSource): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    if (socket.destroyed || socket.readableEnded) throw new IncompleteBody('The connection was lost before the answer; nothing was stored')
    yield chunk
  }
}
