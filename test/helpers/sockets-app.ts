/** An application with the keyed door and the sockets, listening; and clients for it. */
import { once } from 'node:events'
import selfsigned from 'selfsigned'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import { sockets, type SocketsOptions } from '../../plugins/sockets.js'
import { Door, listeningApp, type KeyedApp, type KeyedAppOptions } from './keyed-app.js'

export interface SocketsAppOptions extends Omit<KeyedAppOptions, 'inside'> {
  readonly tls?: boolean
  readonly sockets?: Partial<SocketsOptions>
}

export interface SocketsApp extends KeyedApp {
  readonly port: number
  readonly url: string
  readonly wsURL: string
  readonly door: Door
}

let certificate: Promise<{ key: string, cert: string }> | undefined

async function selfSigned (): Promise<{ key: string, cert: string }> {
  certificate ??= (async () => {
    const { private: key, cert } = await selfsigned.generate([{ name: 'commonName', value: 'localhost' }])
    return { key, cert }
  })()
  return await certificate
}

export async function socketsApp (t: Test, { tls = false, sockets: options = {}, ...rest }: SocketsAppOptions = {}): Promise<SocketsApp> {
  const door = new Door()
  const app = await listeningApp(t, {
    ...rest,
    ...tls && { server: { ...rest.server, https: await selfSigned() } },
    inside: async scope => { await scope.register(sockets, { verifier: door, ...options }) }
  })
  return { ...app, door, wsURL: `${app.url.replace('http', 'ws')}${rest.prefix ?? ''}/ws` }
}

/** An answer as clients see it. */
export interface Reply {
  method?: string
  url?: string
  id?: unknown
  status: number
  statusText: string
  data?: unknown
  error?: string
  retryAfter?: number
  etag?: string
}

/** An open plain WebSocket; `ask` sends a message (or text as it is) and waits for the next answer that comes. */
export async function webSocket (t: Test, url: string, headers: Record<string, string> = {}): Promise<WebSocket & { ask (message: unknown): Promise<Reply> }> {
  const socket = new WebSocket(url, { rejectUnauthorized: false, headers })
  t.teardown(() => { socket.terminate() })
  await once(socket, 'open')
  return Object.assign(socket, {
    async ask (message: unknown): Promise<Reply> {
      const answer = once(socket, 'message')
      socket.send(typeof message === 'string' || message instanceof Uint8Array ? message : JSON.stringify(message))
      const [data] = await answer as [Buffer]
      return JSON.parse(String(data)) as Reply
    }
  })
}
