/**
 * Basic authentication (RFC 7617, GEN-39, GEN-40): `onRequest: app.authenticate` on a route sets `request.principal`. Every request
 * authenticates on its own; without valid credentials it ends in Unauthorized, which the error renderer of the door answers.
 */
import type { Socket } from 'node:net'
import basicAuth from '@fastify/basic-auth'
import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import fp from 'fastify-plugin'
import { Unauthorized } from '../cdmi/errors.js'
import { anonymous, type Principal } from '../cdmi/principal.js'
import { OptionError } from '../schemas/check-options.js'
import type { CdmiOptions } from '../schemas/options.js'
import { completed, createAuthenticator, type Authenticator, type AuthenticatorOptions, type CompleteAuthenticator } from './authenticator.js'
import { certifiedName } from './client-certificate.js'
import { defaultRealm, isRealm } from './challenge.js'
import { sourceOf } from './source-address.js'

export interface AuthOptions extends AuthenticatorOptions {
  /** One made before, shared with other doors; then `users` and the rest are not looked at. */
  readonly authenticator?: Authenticator | undefined
  /** What callers without an Authorization header may do. Default: `none`, which asks them for one. */
  readonly anonymous?: Principal['access'] | undefined
  readonly realm?: string | undefined
  /** Who a client is that has a certificate and no Authorization header. Default: `none`, nobody in particular. */
  readonly clientUser?: CdmiOptions['clientUser']
}

/** Who has used a connection last: it mostly is the same caller again. */
interface Caller {
  /** The Authorization header, as it came. */
  readonly header: string
  readonly principal: Principal
  readonly moment: number
  /** The same principal as it changed something last: with the address that the change came from. */
  sourced?: Principal
}

type Hook = (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) => void

declare module 'fastify' {
  interface FastifyInstance {
    /** Verifies credentials, for doors that have them elsewhere than in the header. */
    authenticator: CompleteAuthenticator
    /** The principal of callers without credentials; undefined when there must be some. */
    anonymousPrincipal: Principal | undefined
    /** Who a connection is by its client certificate; undefined when that does not say. */
    certifiedPrincipal: (socket: Socket) => Principal | undefined
    /** An `onRequest` hook: sets `request.principal`, or fails with Unauthorized or TooManyRequests. */
    authenticate: Hook
  }
  interface FastifyRequest {
    /** Who asks; set by `authenticate`. */
    principal: Principal
  }
}

async function auth (app: FastifyInstance, options: AuthOptions): Promise<void> {
  if (!isRealm(options.realm ?? defaultRealm)) throw new OptionError('realm: only printable ASCII characters can be sent to every client')
  const authenticator = options.authenticator === undefined ? createAuthenticator(options) : completed(options.authenticator)
  const access = options.anonymous ?? 'none'
  const nobody = access === 'none' ? undefined : anonymous(access)
  const verifyHeader = await headerVerifier(app, authenticator)
  const callers = new WeakMap<Socket, Caller>()
  own(app, 'authenticator', authenticator)
  own(app, 'anonymousPrincipal', nobody)
  const certified = options.clientUser === 'common-name' ? certifiedBy(authenticator) : () => undefined
  own(app, 'certifiedPrincipal', certified)
  const authenticate: Hook = (request, reply, done) => {
    const header = request.headers.authorization
    if (header === undefined) {
      const principal = certified(request.raw.socket) ?? nobody
      if (principal !== undefined) {
        request.principal = principal
        noteSource(request)
        return done()
      }
    }
    const { socket } = request.raw
    const caller = callers.get(socket)
    const moment = authenticator.moment()
    if (caller !== undefined && moment !== undefined && caller.header === header && caller.moment === moment) {
      request.principal = caller.principal
      noteSource(request, caller)
      return done()
    }
    verifyHeader(request, reply, error => {
      if (error === undefined && header !== undefined) {
        if (moment !== undefined) callers.set(socket, { header, principal: request.principal, moment })
        noteSource(request)
      }
      done(error)
    })
  }
  own(app, 'authenticate', ((request, reply, done) => {
    const looking = authenticator.current()
    if (looking === undefined) authenticate(request, reply, done)
    else looking.then(() => { authenticate(request, reply, done) }).catch(done)
  }) satisfies Hook)
  if (!app.hasRequestDecorator('principal')) app.decorateRequest('principal', null as unknown as Principal)
}

/** The user may be gone, or may do less, since the connection was opened. */
function certifiedBy (authenticator: CompleteAuthenticator): (socket: Socket) => Principal | undefined {
  return socket => {
    const name = certifiedName(socket)
    return name === undefined ? undefined : authenticator.named(name)
  }
}

/** What changes something says in the change log from where it came. A proxy may bring several callers over one connection. */
function noteSource (request: FastifyRequest, caller?: Caller): void {
  if (request.method === 'GET' || request.method === 'HEAD') return
  const source = sourceOf(request)
  if (caller?.sourced?.source === source) request.principal = caller.sourced
  else {
    request.principal = { ...request.principal, source }
    if (caller !== undefined) caller.sourced = request.principal
  }
}

/** Decorates this scope, also when an application around it uses the same name for something of its own. */
function own (app: FastifyInstance, name: 'authenticator' | 'anonymousPrincipal' | 'certifiedPrincipal' | 'authenticate', value: unknown): void {
  if (app.hasDecorator(name)) Object.defineProperty(app, name, { value, configurable: true, enumerable: true })
  else app.decorate(name, value as never)
}

/**
 * @fastify/basic-auth reads the header. It decorates its scope with `basicAuth`, which an application around may have done already:
 * so it gets a scope of its own to decorate.
 */
async function headerVerifier (app: FastifyInstance, authenticator: CompleteAuthenticator): Promise<Hook> {
  let hook: Hook | undefined
  const scope: FastifyInstance = Object.create(app, { decorate: { value: (_name: string, decorator: Hook) => { hook = decorator } } })
  await basicAuth(scope, {
    utf8: true,
    strictCredentials: false,
    validate (name, password, request, _reply, done) {
      const known = authenticator.recall(name, password)
      if (known !== undefined) {
        request.principal = known
        done()
        return
      }
      authenticator.verify(name, password, sourceOf(request)).then(principal => {
        request.principal = principal
        done()
      }, done)
    }
  })
  const verify = hook
  if (verify === undefined) throw new Error('@fastify/basic-auth did not decorate its scope')
  return (request, reply, done) => verify.call(app, request, reply, error => done(readable(error)))
}

/** Whatever is wrong with the header, the caller gets one and the same answer. */
function readable (error: (Error & { code?: string }) | undefined): Error | undefined {
  return error?.code?.startsWith('FST_BASIC_AUTH') === true ? new Unauthorized() : error
}

export default fp(auth, { name: 'fastify-cdmi-auth', fastify: '5.x' })
