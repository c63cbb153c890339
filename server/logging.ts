/** The log of the server: one JSON line a request, without secrets. */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { LogController, type FastifyReply, type FastifyRequest, type FastifyServerOptions } from 'fastify'
import { pino, stdSerializers, type DestinationStream, type Logger, type LoggerOptions } from 'pino'
import { whenAnswered } from '../routes/http/answer-end.js'
import { bringsBody } from './brings-body.js'
import { receivedOf } from './counted-request.js'
import { withoutSecrets } from './log-secrets.js'
import type { RequestCount } from './request-count.js'
import { RequestLogger } from './request-logger.js'

/** Where lines go: standard error, so that standard output has only what a person asked for. */
export interface LogStream { write (line: string): unknown }

/** Bytes of lines that are written at once, milliseconds that they wait for more, and bytes that wait for a reader who does not come, at most. */
const gathered = 4096
const longestWait = 200
const longestQueue = 16 * 1024 * 1024

let shared: LogStream | undefined

/**
 * Standard error. A person gets each line at once; where a file or a program reads, lines are gathered for a moment: a call to the system for each would
 * cost as much as half a small read. Those of the last moment are lost when the process is killed, but not when it ends in any other way.
 */
export function standardError (): LogStream {
  shared ??= process.stderr.isTTY ? process.stderr : pino.destination({ dest: process.stderr.fd, sync: false, minLength: gathered, periodicFlush: longestWait, maxLength: longestQueue })
  return shared
}

export function loggerOptions (level: string, stream: LogStream): FastifyServerOptions['logger'] {
  return {
    level,
    stream: stream as never,
    formatters: { log: line => line instanceof RequestLine ? line as object as Record<string, unknown> : withoutSecrets(line) },
    serializers: {
      err: (error: Error) => withoutSecrets(stdSerializers.err(error)),
      req: (request: FastifyRequest | RequestSummary) => isSummary(request) ? request : summaryOf(request),
      res: ({ statusCode }) => ({ statusCode: statusCode ?? 0 })
    }
  }
}

interface RequestSummary {
  readonly [name: string]: unknown
  readonly method: string
  readonly url: string
  readonly remoteAddress: string
  readonly user: string | undefined
}

/** What the log says of a request: no header, no body. */
function summaryOf (request: FastifyRequest): RequestSummary {
  return { method: request.method, url: safeUrl(request.originalUrl), remoteAddress: request.ip, user: request.principal?.name }
}

const isSummary = (request: FastifyRequest | RequestSummary): request is RequestSummary => !('raw' in request)

/** The line of a request that came to its end. There is no secret in it that would have to be looked for. */
class RequestLine {
  readonly reqId: string
  readonly req: RequestSummary
  readonly res: { readonly statusCode: number }
  readonly responseTime: number

  constructor (request: FastifyRequest, reply: FastifyReply) {
    this.reqId = request.id
    this.req = summaryOf(request)
    this.res = reply
    this.responseTime = Math.round(reply.elapsedTime * 1000) / 1000
  }
}

/** For what happens before there is a server, and around several of them. */
export function startLog (level: string, stream: LogStream): Logger {
  return pino(loggerOptions(level, stream) as LoggerOptions, stream as DestinationStream)
}

/** Said once, at a start. */
export const storeAwaited = 'the store cannot be reached; the start waits for it'

/** One line when a request is done, instead of two; and one when it breaks off. */
export class RequestLog extends LogController {
  /** Requests whose end is told already. */
  readonly #told = new WeakSet<FastifyRequest>()
  /** Whether lines of what went well are written at all. */
  readonly #requests: boolean
  readonly #count: RequestCount | undefined

  /** `count`: is told of the same requests, for this is where each of them ends. */
  constructor (level: string, count?: RequestCount) {
    super()
    this.#count = count
    this.#requests = ['trace', 'debug', 'info'].includes(level)
  }

  /** Fastify says nothing of requests that end before their answer; of uploads an operator wants to know how far they came. */
  override incomingRequest (request: FastifyRequest, reply: FastifyReply): void {
    const { raw } = request
    if (!bringsBody(raw)) return
    const announced = raw.headers['content-length']
    this.#count?.bodyBegun()
    whenAnswered(reply.raw, () => {
      this.#count?.bodyEnded()
      if (reply.raw.writableFinished || this.#told.has(request)) return
      this.#told.add(request)
      this.#count?.aborted(request, reply)
      const line = new RequestLine(request, reply)
      if (raw.complete) tell(reply, line, endedBeforeAnswer)
      else tell(reply, { ...line, res: undefined, received: receivedOf(raw), announced: announced === undefined ? undefined : Number(announced) }, 'the connection ended before the request')
    })
  }

  override requestCompleted (error: Error | null | undefined, request: FastifyRequest, reply: FastifyReply): void {
    this.#count?.done(request, reply)
    if (error !== null && error !== undefined) reply.log.warn({ ...new RequestLine(request, reply), reqId: undefined, err: error }, 'the answer was cut off')
    else if (this.#requests) tell(reply, new RequestLine(request, reply), 'request completed')
  }

  /** Instead of the line above when an answer ends in the middle: Fastify's own would not say of which request. */
  override streamError (error: Error & { code?: string }, request: FastifyRequest, reply: FastifyReply): void {
    const line = new RequestLine(request, reply)
    if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') reply.log.warn({ ...line, reqId: undefined, err: error }, 'the answer was cut off')
    else if (!this.#told.has(request)) tell(reply, line, endedBeforeAnswer)
    if (!this.#told.has(request)) this.#count?.aborted(request, reply)
    this.#told.add(request)
  }
}

function tell ({ log }: FastifyReply, line: object, message: string): void {
  if (log instanceof RequestLogger) log.ofRequest(line, message)
  else log.info({ ...line, reqId: undefined }, message)
}

const endedBeforeAnswer = 'the connection ended before the answer'

/** An absolute URI may carry credentials before its host: all up to the last @, for passwords may have one. */
function safeUrl (url: string): string {
  return url.startsWith('/') ? url : url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1')
}

/** The client's number for the request when it is one that can do no harm in a log, else a new one. */
export function requestID (request: IncomingMessage): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && /^[\w.:-]{1,64}$/.test(given) ? given : `${thisProcess}-${(++requests).toString(36)}`
}

/** Random once for all: no other process, on any machine, gives the same numbers. */
const thisProcess = randomBytes(12).toString('hex')
let requests = 0
