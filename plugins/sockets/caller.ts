/** Who is at the other end of a socket (KEY-20, KEY-23). */
import type { FastifyRequest } from 'fastify'
import { Unauthorized } from '../../cdmi/errors.js'
import type { Principal } from '../../cdmi/principal.js'
import { isOfForeignPage } from '../foreign-page.js'
import { sourceOf } from '../source-address.js'
import type { SocketContext } from './context.js'
import { queryOf } from './session-query.js'

interface Credentials { readonly username: string, readonly password: string }

export interface Caller {
  /** What failed attempts to log in are counted by. */
  readonly source: string
  /** Given once for all messages, with the handshake. */
  credentials: Credentials | undefined
  /** Who the connection is by its client certificate. */
  readonly certified: () => Principal | undefined
}

/**
 * The caller of a handshake. Browsers let any page open a WebSocket to any server, and send along the password that the user once typed for that server, and the
 * certificate. So these count only for pages of our own origin; others have to send `auth`.
 */
export function callerOf (request: FastifyRequest, { certified }: Pick<SocketContext, 'certified'>): Caller {
  const foreign = isOfForeignPage(request) || isScript(request)
  const { socket } = request.raw
  return {
    source: sourceOf(request),
    credentials: foreign ? undefined : basicCredentials(request.headers.authorization),
    certified: foreign ? () => undefined : () => certified(socket)
  }
}

/** An answer that is a script (JSONP, engine.io's parameter `j`): any page can load and read it, and browsers do not say which one does. */
function isScript ({ raw: { url = '' } }: FastifyRequest): boolean {
  return queryOf(url)?.has('j') !== false
}

function basicCredentials (header: string | undefined): Credentials | undefined {
  const [, token] = /^basic +([\w+/-]+=*) *$/i.exec(header ?? '') ?? []
  if (token === undefined) return undefined
  const text = Buffer.from(token, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** `{username, password}`, or undefined for anything else. */
export function credentialsOf (auth: unknown): Credentials | undefined {
  if (typeof auth !== 'object' || auth === null) return undefined
  const { username, password } = auth as Partial<Record<keyof Credentials, unknown>>
  return typeof username === 'string' && typeof password === 'string' ? { username, password } : undefined
}

/** Who sends a message, and from where: by its own `auth`, else by the handshake, else nobody. Throws Unauthorized or TooManyRequests. */
export async function principalOf (context: SocketContext, caller: Caller, auth: unknown): Promise<Principal> {
  return { ...await authenticated(context, caller, auth), source: caller.source }
}

async function authenticated ({ verifier, anonymous }: SocketContext, caller: Caller, auth: unknown): Promise<Principal> {
  if (auth !== undefined && auth !== null) {
    const given = credentialsOf(auth)
    if (given === undefined) throw new Unauthorized()
    return await verifier.verify(given.username, given.password, caller.source)
  }
  const { credentials } = caller
  if (credentials === undefined) {
    await verifier.current?.()
    const certified = caller.certified()
    if (certified !== undefined) return certified
    if (anonymous.access === 'none') throw new Unauthorized()
    return anonymous
  }
  try {
    return await verifier.verify(credentials.username, credentials.password, caller.source)
  } catch (error) {
    // One wrong password is one failure, however many messages follow.
    if (error instanceof Unauthorized && caller.credentials === credentials) caller.credentials = undefined
    throw error
  }
}
