/** One value through every door of a server: what a client sees of it, whichever door he takes. */
import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import { Agent, FormData, request } from 'undici'
import type { ServerProcess } from './server-process.js'
import { webSocket } from './sockets-app.js'

export interface DoorAnswer {
  readonly door: string
  readonly status: number
  readonly retryAfter: string | undefined
  readonly text: string
  readonly milliseconds: number
}

type Ask = (value: string) => Promise<Omit<DoorAnswer, 'door' | 'milliseconds'>>

export interface Doors {
  /** Writes a value of its own in each. */
  write (value: string): Promise<DoorAnswer[]>
  /** Reads what was written last. */
  read (): Promise<DoorAnswer[]>
}

/** Opens a socket, which stays with the process that took it; everything else is a request each. */
export async function everyDoor (t: Test, { origin, authorization }: ServerProcess): Promise<Doors> {
  const dispatcher = new Agent({ headersTimeout: 60_000 })
  t.teardown(async () => { await dispatcher.destroy() })
  const socket = await webSocket(t, `${origin.replace('http', 'ws')}/ws`, { authorization })
  let name = ''
  // Otherwise a question that is lost with its socket would wait for an answer for ever.
  let lost: (error: Error) => void = () => {}
  socket.on('close', code => { lost(new Error(`the socket was closed with ${code}`)) })

  async function http (method: 'GET' | 'PUT' | 'POST', path: string, headers: Record<string, string> = {}, body: string | FormData | null = null): ReturnType<Ask> {
    const answer = await request(origin + path, { method, headers: { authorization, ...headers }, body, dispatcher })
    const { 'retry-after': retryAfter } = answer.headers
    // An answer that breaks off after its head is one of its own kind.
    const text = await answer.body.text().catch((error: unknown) => `broken off: ${String(error)}`)
    return { status: answer.statusCode, retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined, text }
  }

  async function message (method: 'GET' | 'POST', data?: unknown): ReturnType<Ask> {
    if (socket.readyState !== socket.OPEN) throw new Error('the socket was closed')
    const closed = new Promise<never>((_resolve, reject) => { lost = reject })
    const { status, retryAfter, ...rest } = await Promise.race([socket.ask({ method, url: `/data/socket-${name}`, ...data !== undefined && { data } }), closed])
    return { status, retryAfter: retryAfter === undefined ? undefined : String(retryAfter), text: JSON.stringify(rest) }
  }

  function form (value: string): FormData {
    const form = new FormData()
    form.set('file', new File([value], `form-${name}`))
    return form
  }

  const cdmi = 'application/cdmi-object'
  const writers: Record<string, Ask> = {
    plain: async value => await http('PUT', `/plain-${name}`, { 'content-type': 'text/plain' }, value),
    cdmi: async value => await http('PUT', `/cdmi-${name}`, { 'content-type': cdmi, accept: cdmi, 'x-cdmi-specification-version': '2.0.0' }, JSON.stringify({ value })),
    keyed: async value => await http('POST', `/data/keyed-${name}`, { 'content-type': 'application/json' }, JSON.stringify({ value })),
    form: async value => await http('POST', '/', {}, form(value)),
    sockets: async value => await message('POST', { value })
  }
  const readers: Record<string, Ask> = {
    plain: async () => await http('GET', `/plain-${name}`),
    cdmi: async () => await http('GET', `/cdmi-${name}`, { accept: cdmi, 'x-cdmi-specification-version': '2.0.0' }),
    listing: async () => await http('GET', '/', { accept: 'application/cdmi-container', 'x-cdmi-specification-version': '2.0.0' }),
    keyed: async () => await http('GET', `/data/keyed-${name}`),
    form: async () => await http('GET', `/form-${name}`),
    sockets: async () => await message('GET')
  }

  async function all (asks: Record<string, Ask>, value = ''): Promise<DoorAnswer[]> {
    return await Promise.all(Object.entries(asks).map(async ([door, ask]) => {
      const since = performance.now()
      return { door, ...await ask(value), milliseconds: performance.now() - since }
    }))
  }

  return {
    async write (value) {
      name = randomUUID()
      return await all(writers, value)
    },
    read: async () => await all(readers)
  }
}
