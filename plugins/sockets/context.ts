/** What the parts of the socket doors share: one per instance of the plugin. */
import type { Socket } from 'node:net'
import type { FastifyBaseLogger } from 'fastify'
import type { Cdmi } from '../../cdmi/model.js'
import type { Tracing } from '../../metrics/tracing.js'
import type { Principal } from '../../cdmi/principal.js'

/** Tells who somebody is. Throws Unauthorized, or TooManyRequests after too many failures of one source. */
export interface Verifier {
  verify (name: string, password: string, source: string): Promise<Principal>
  /** Resolves when `certified` knows of users that were removed; undefined: it does. */
  current? (): Promise<void> | undefined
}

export interface SocketLimits {
  /** Most sockets at once, of both kinds together. */
  readonly sockets: number
  /** Longest message, in bytes. */
  readonly frame: number
  /** Messages of one socket that are worked on at once. */
  readonly messagesInFlight: number
  /** Milliseconds without a message after which a socket is closed. */
  readonly socketIdle: number
  /** Milliseconds between two heartbeats. */
  readonly heartbeat: number
}

/** Counts what the sockets do. */
export interface SocketCount {
  /** Answers what tells its end. */
  opened (door: 'websocket' | 'socket.io'): () => void
  /** `method` and `url` as the message has them, if it does. */
  answered (door: 'websocket' | 'socket.io', message: { readonly method?: string, readonly url?: string, readonly status: number }, milliseconds: number): void
}

export interface SocketContext {
  readonly cdmi: Cdmi
  readonly verifier: Verifier
  /** Who nobody in particular is. */
  readonly anonymous: Principal
  /** Who a connection is by its client certificate. */
  readonly certified: (socket: Socket) => Principal | undefined
  readonly limits: SocketLimits
  readonly log: FastifyBaseLogger
  /** Takes a message in, or says why there is too much to do. `brings`: something to be stored. Undefined: all are taken. */
  readonly admit?: ((brings: boolean) => Error | undefined) | undefined
  /** Undefined: nobody counts. */
  readonly count?: SocketCount | undefined
  /** Undefined: nobody wants spans. */
  readonly tracing?: Tracing | undefined
}

/** Close codes: RFC 6455 §7.4.1, and one of ours. */
export const closing = { goingAway: 1001, tooBig: 1009, idle: 4408 } as const

/** How long a message may be to get an answer that says it is too long; beyond that the connection ends with 1009. */
export const hardLimit = (limits: SocketLimits): number => limits.frame * 2
