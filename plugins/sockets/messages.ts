/**
 * The message protocol of the sockets (KEY-20 to KEY-24), the same over WebSocket and socket.io: a message in, an answer out.
 * It calls the model as the HTTP door does, and says `status` and `statusText` as that does.
 */
import { describeError, isServerFault, reasonPhrase, type ErrorDescription } from '../../cdmi/describe-error.js'
import { InvalidJson, InvalidRequest, MethodNotAllowed, NotFound, TooLarge } from '../../cdmi/errors.js'
import type { KeyedRecord } from '../../cdmi/keyed-records.js'
import { checkPreconditions, entityTag, type Preconditions } from '../../cdmi/preconditions.js'
import type { Principal } from '../../cdmi/principal.js'
import { parseEntityTags } from '../../routes/http/conditional.js'
import { operationOfMessage } from '../../routes/door.js'
import { jsonNames } from '../../routes/http/name-text.js'
import { keyOfSegment, listQueryOf, pathOf } from '../../routes/keyed/target.js'
import { principalOf, type Caller } from './caller.js'
import type { SocketContext, SocketCount } from './context.js'

/** An answer, its `data` still as the text that is stored. */
export interface Answer {
  readonly head: AnswerHead
  readonly data?: Uint8Array | undefined
}

export interface Echo {
  method?: string
  url?: string
  id?: string | number | boolean | null
}

interface AnswerHead extends Echo {
  status: number
  statusText: string
  error?: string
  /** Seconds; the header of the same name over HTTP. */
  retryAfter?: number
  etag?: string
}

/** A message understood as far as it can be without looking at the store. */
export interface Work {
  /** Messages of one subject are carried out in the order of their arrival; `all` waits for everything before it. */
  readonly subject: string | typeof all | undefined
  /** What the message says of itself, as far as it was understood. */
  readonly echo: Readonly<Echo>
  /** Whether it brings something to be stored. */
  readonly brings?: boolean
  run (): Promise<Answer>
}

export const all = Symbol('all')

const methods = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])
type Message = Readonly<Record<string, unknown>>

interface Outcome { readonly status: number, readonly data?: Uint8Array, readonly etag?: string }

/** Understands a message of whatever kind. Never throws, and what it gives never rejects: every message gets its answer. */
export function understand (context: SocketContext, message: unknown, caller: Caller): Work {
  const echo: Echo = {}
  try {
    if (typeof message !== 'object' || message === null || Array.isArray(message)) throw new InvalidRequest('A message is a JSON object: {"auth":{"username":…,"password":…},"method":"GET","url":"/data"}')
    const fields = message as Message
    echoed(fields, echo)
    if (typeof fields['url'] !== 'string') throw new InvalidRequest('The message has no "url"; it is "/data" or "/data/{key}"')
    if (typeof fields['method'] !== 'string') throw new InvalidRequest('The message has no "method"; it is one of ' + [...methods].join(', '))
    const method = fields['method'].toUpperCase()
    if (!methods.has(method)) throw new MethodNotAllowed(fields['method'].slice(0, 40), [...methods].join(', '))
    const url = fields['url']
    return { subject: subjectOf(url), echo, brings: fields['data'] !== undefined, run: () => answered(context, fields, echo, () => perform(context, fields, method, url, caller)) }
  } catch (error) {
    return refused(context, error, echo)
  }
}

/** Does the work, unless there is too much already; for those who count and trace, too. */
export async function worked (context: SocketContext, door: Parameters<SocketCount['answered']>[0], given: Work): Promise<Answer> {
  const { count, tracing } = context
  const refusal = context.admit?.(given.brings === true)
  const work = refusal === undefined ? given : refused(context, refusal, given.echo)
  if (count === undefined && tracing === undefined) return await work.run()
  const began = performance.now()
  const operation = operationOfMessage(work.echo)
  const answer = tracing === undefined ? await work.run() : await tracing.span(`cdmi ${door} ${operation}`, { 'cdmi.door': door, 'cdmi.operation': operation }, async () => await work.run())
  count?.answered(door, answer.head, performance.now() - began)
  return answer
}

/** The answer to something that is not even a message. */
export function refused (context: SocketContext, error: unknown, echo: Echo = {}): Work {
  return { subject: undefined, echo, run: async () => failure(context, error, echo) }
}

/** The answer as one JSON text; stored JSON goes into it as it is. */
export function toText ({ head, data }: Answer): string {
  const text = JSON.stringify(head)
  if (data === undefined) return text
  // A byte order mark, which another door may have let in, is legal only at the beginning of a text.
  const bytes = data[0] === 0xef && data[1] === 0xbb ? data.subarray(3) : data
  return `${text.slice(0, -1)},"data":${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()}}`
}

/** The answer as a value. */
export function toValue (answer: Answer): unknown {
  return answer.data === undefined ? answer.head : JSON.parse(toText(answer))
}

function echoed (message: Message, echo: Echo): void {
  if (typeof message['method'] === 'string') echo.method = message['method']
  if (typeof message['url'] === 'string') echo.url = message['url']
  const id = message['id']
  if (id === undefined) return
  if (id !== null && typeof id !== 'string' && typeof id !== 'number' && typeof id !== 'boolean') throw new InvalidRequest('The "id" of a message is a string, a number, a boolean or null')
  echo.id = id
}

function subjectOf (url: string): Work['subject'] {
  const mark = url.indexOf('?')
  const path = mark < 0 ? url : url.slice(0, mark)
  return path === '/data' ? all : path
}

async function answered (context: SocketContext, message: Message, echo: Echo, perform: () => Promise<Outcome>): Promise<Answer> {
  try {
    const { status, data, etag } = await perform()
    const tagged = etag !== undefined && (message['etag'] === true || message['ifMatch'] !== undefined || message['ifNoneMatch'] !== undefined)
    return { head: { ...echo, status, statusText: reasonPhrase(status), ...tagged && { etag } }, data }
  } catch (error) {
    return failure(context, error, echo)
  }
}

function failure ({ log }: SocketContext, error: unknown, echo: Echo): Answer {
  const description: ErrorDescription = describeError(error)
  const { status, code, message, headers: { 'retry-after': retryAfter } } = description
  if (isServerFault(description)) log.error({ err: error, code, method: echo.method, url: echo.url }, 'a socket message failed')
  else log.debug({ code, status, detail: message }, 'a socket message was refused')
  return { head: { ...echo, status, statusText: reasonPhrase(status), error: message, ...retryAfter !== undefined && { retryAfter: Number(retryAfter) } } }
}

async function perform (context: SocketContext, message: Message, method: string, url: string, caller: Caller): Promise<Outcome> {
  const principal = await principalOf(context, caller, message['auth'])
  const path = pathOf(url)
  if (path === '/data') {
    if (method !== 'GET') throw new MethodNotAllowed(method, 'GET')
    return { status: 200, data: await keysOf(context, principal, url) }
  }
  if (!path.startsWith('/data/')) throw new NotFound(path.length > 200 ? 'This URL' : path)
  const key = keyOfSegment(path.slice('/data/'.length))
  const conditions = conditionsOf(message)
  const { keyed } = context.cdmi
  switch (method) {
    case 'GET': return await found(context, await keyed.read(principal, key, conditions && (object => { checkPreconditions(conditions, object.record, true) })))
    case 'POST': return await found(context, await keyed.create(principal, key, bodyOf(message), conditions), 201)
    case 'PUT': return await found(context, await keyed.replace(principal, key, bodyOf(message), conditions))
    case 'PATCH': return await found(context, await keyed.merge(principal, key, bodyOf(message), 'shallow', conditions))
    default:
      await keyed.remove(principal, key, conditions)
      return { status: 204 }
  }
}

async function found ({ limits }: SocketContext, { object, content }: KeyedRecord, status = 200): Promise<Outcome> {
  if (content.length > limits.frame) throw new TooLarge(`The record is longer than ${limits.frame} bytes, the limit for a socket message; read it over HTTP`)
  return { status, data: content.bytes ?? await content.read(), etag: entityTag(object.record) }
}

/** The keys, as many as fit into a message. */
async function keysOf ({ cdmi, limits }: SocketContext, principal: Principal, url: string): Promise<Buffer> {
  const mark = url.indexOf('?')
  const parts: Uint8Array[] = [Buffer.from('[')]
  const write = jsonNames()
  let size = 2
  for await (const page of await cdmi.keyed.list(principal, listQueryOf(mark < 0 ? '' : url.slice(mark + 1)))) {
    for (const part of write(page)) {
      size += part.length
      parts.push(part)
    }
    if (size > limits.frame) throw new TooLarge('The list of keys is too long for a socket message; ask for pages: /data?limit=1000, and on with &after={last key}')
  }
  return Buffer.concat([...parts, Buffer.from(']')])
}

function bodyOf ({ data }: Message): Buffer {
  if (data === undefined) throw new InvalidJson('The message has no "data"; it is the JSON object or array to store')
  try {
    return Buffer.from(JSON.stringify(data, refuseBytes))
  } catch (error) {
    // The stack: thousands of levels.
    if (error instanceof RangeError) throw new InvalidJson('The data is nested too deep')
    throw error
  }
}

/** socket.io brings attachments as buffers inside the data. */
function refuseBytes (this: unknown, key: string, value: unknown): unknown {
  const original: unknown = typeof this === 'object' && this !== null ? (this as Record<string, unknown>)[key] : value
  if (ArrayBuffer.isView(original) || original instanceof ArrayBuffer) throw new InvalidJson('The data has binary parts; a record is JSON')
  return value
}

function conditionsOf (message: Message): Preconditions | undefined {
  const ifMatch = tagsOf(message, 'ifMatch', 'If-Match')
  const ifNoneMatch = tagsOf(message, 'ifNoneMatch', 'If-None-Match')
  return ifMatch === undefined && ifNoneMatch === undefined ? undefined : { ifMatch, ifNoneMatch }
}

function tagsOf (message: Message, name: string, field: string): '*' | string[] | undefined {
  const value = message[name]
  if (value === undefined) return undefined
  if (typeof value !== 'string') throw new InvalidRequest(`"${name}" is a string as the header ${field} has it`)
  return parseEntityTags(field, value)
}
