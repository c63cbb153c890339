/** The answer of another server, read: an object in CDMI's form, or a value. */
import type { Dispatcher } from 'undici'
import { SourceUnusable } from '../../cdmi/errors.js'
import type { Intake, ReceiveOptions, RemoteContent } from '../../cdmi/remote-sources.js'
import { otherFields } from '../../routes/cdmi/body-fields.js'
import { cdmiTypeOf } from '../../routes/cdmi/media-types.js'
import { asBytes, receiveJson, type ReceivedObject } from '../../routes/cdmi/receive-object.js'
import { valueTypeOf } from '../../routes/http/content-type.js'
import { bodyCheck } from '../../schemas/check-body.js'
import { DataObjectBody } from '../../schemas/cdmi-body.js'
import type { JsonObject } from '../../storage/contract.js'
import type { Pace } from './pace.js'

type Answer = Dispatcher.ResponseData

const checkBody = bodyCheck(DataObjectBody)

/** Whether what comes is an object that can be taken. Throws SourceUnusable. */
export function requireReadable ({ statusCode, headers }: Answer): void {
  if (statusCode === 401 || statusCode === 403) throw new SourceUnusable('The server of the source does not let this one read it')
  if (statusCode === 404 || statusCode === 410) throw new SourceUnusable('The source does not exist')
  if (statusCode !== 200) throw new SourceUnusable(`The server of the source answered with the status ${statusCode}`)
  const coding = headers['content-encoding']
  if (coding !== undefined && coding !== 'identity') throw new SourceUnusable('The server of the source sent an encoded value (Content-Encoding) that nobody asked for')
  const kind = cdmiTypeOf(typeOf(headers))
  if (kind !== undefined && kind !== 'object' && kind !== 'mixed') throw new SourceUnusable(`The source is a ${kind}, and only data objects are taken from other servers`)
}

export async function receiveAnswer (answer: Answer, intake: Intake, { value, ranged, onID }: ReceiveOptions, pace: Pace): Promise<RemoteContent> {
  const source = bodyOf(answer, pace)
  const type = typeOf(answer.headers)
  if (cdmiTypeOf(type) === 'object') {
    const onFields = ({ objectID }: JsonObject): void => { if (typeof objectID === 'string') onID?.(objectID) }
    return await contentOf(await receiveJson(intake, source, { base64: ranged, onFields }), intake, ranged)
  }
  const said = valueTypeOf(type)
  const mimetype = said?.mimetype ?? 'application/octet-stream'
  if (!value) return { cdmi: false, mimetype }
  const staged = await intake.stage(source, { length: announced(answer), utf8: said?.valuetransferencoding === 'utf-8' ? 'observe' : undefined })
  return { cdmi: false, mimetype, value: { staged, encoding: staged.utf8 === true ? 'utf-8' : 'base64' } }
}

async function contentOf (received: ReceivedObject, intake: Intake, ranged: boolean): Promise<RemoteContent> {
  const { fields } = received
  const wrong = checkBody(fields)
  if (wrong !== undefined) throw new SourceUnusable(`The server of the source sent an object that is none: ${wrong}`)
  const { objectID, completionStatus, mimetype, metadata } = fields as DataObjectBody
  return {
    cdmi: true,
    objectID,
    completionStatus,
    mimetype: valueTypeOf(mimetype)?.mimetype,
    metadata: metadata as JsonObject | undefined,
    fields: otherFields(fields, 'dataobject'),
    value: await valueOf(received, intake, ranged)
  }
}

/** A range is always in Base64; what it stands for may be text. */
async function valueOf ({ fields, value }: ReceivedObject, intake: Intake, ranged: boolean): Promise<RemoteContent['value']> {
  if (value === undefined) return undefined
  if (ranged) {
    const staged = await intake.stage(intake.reread(await asBytes(intake, value)), { utf8: 'observe' })
    return { staged, encoding: staged.utf8 === true ? 'utf-8' : 'base64' }
  }
  const { valuetransferencoding: encoding = 'utf-8' } = fields as DataObjectBody
  if (encoding === 'base64') return { staged: await asBytes(intake, value), encoding }
  if ((encoding === 'json') !== (value.kind === 'json')) throw new SourceUnusable('The server of the source sent a value that is not of the transfer encoding that it says')
  return { staged: value.staged, encoding }
}

/** The bytes as they come; what ends the connection before its time is the other server's fault. */
async function * bodyOf ({ body }: Answer, pace: Pace): AsyncGenerator<Uint8Array> {
  const chunks = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await pace.wait(async () => await chunks.next(), () => { body.destroy() }).catch(() => { throw unfinished(pace) })
      if (next.done === true) break
      pace.count(next.value.length)
      yield next.value
    }
    // A body that was given up may seem to end.
    if (pace.tooSlow) throw unfinished(pace)
  } finally {
    await chunks.return?.()
  }
}

function unfinished ({ tooSlow }: Pace): Error {
  return new SourceUnusable(tooSlow ? 'The server of the source sends too slowly (limits.remoteRate)' : 'The server of the source did not send all of it')
}

/** Bytes that will come, when the server says so. */
export function announced ({ headers }: Answer): number | undefined {
  const length = headers['content-length']
  return typeof length === 'string' && /^\d+$/.test(length) ? Number(length) : undefined
}

function typeOf (headers: Answer['headers']): string | undefined {
  const type = headers['content-type']
  return typeof type === 'string' ? type : undefined
}
