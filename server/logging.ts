/** The log of the server: one JSON line a request, without secrets. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { LogController, type FastifyReply, type FastifyRequest, type FastifyServerOptions } from 'fastify'
import { stdSerializers } from 'pino'
import { withoutSecrets } from './log-secrets.js'

/** Where lines go: standard error, so that standard output has only what a person asked for. */
export interface LogStream { write (line: string): unknown }

export function loggerOptions (level: string, stream: LogStream): FastifyServerOptions['logger'] {
  return {
    level,
    stream: stream as never,
    formatters: { log: line => withoutSecrets(line) },
    serializers: {
      err: (error: Error) => withoutSecrets(stdSerializers.err(error)),
      req: (request: FastifyRequest) => ({ method: request.method, url: safeUrl(request.originalUrl), remoteAddress: request.ip, user: request.principal?.name }),
      res: ({ statusCode }) => ({ statusCode: statusCode ?? 0 })
    }
  }
}

/** One line when a request is done, instead of two. */
export class RequestLog extends LogController {
  override incomingRequest (): void {}

  override requestCompleted (error: Error | null | undefined, request: FastifyRequest, reply: FastifyReply): void {
    const line = lineOf(request, reply)
    if (error === null || error === undefined) reply.log.info(line, 'request completed')
    else reply.log.warn({ ...line, err: error }, 'the answer was cut off')
  }

  /** Instead of the line above when an answer ends in the middle: Fastify's own would not say of which request. */
  override streamError (error: Error & { code?: string }, request: FastifyRequest, reply: FastifyReply): void {
    const line = lineOf(request, reply)
    if (error.code === 'ERR_STREAM_PREMATURE_CLOSE') reply.log.info(line, 'the connection ended before the answer')
    else reply.log.warn({ ...line, err: error }, 'the answer was cut off')
  }
}

function lineOf (request: FastifyRequest, reply: FastifyReply): object {
  return { req: request, res: reply, responseTime: Math.round(reply.elapsedTime * 1000) / 1000 }
}

/** An absolute URI may carry credentials before its host: all up to the last @, for passwords may have one. */
function safeUrl (url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1')
}

/** The client's number for the request when it is one that can do no harm in a log, else a new one. */
export function requestID (request: IncomingMessage): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && /^[\w.:-]{1,64}$/.test(given) ? given : randomUUID()
}
