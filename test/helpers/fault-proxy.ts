/** An HTTP proxy between a client and a real server that does to requests what networks and overloaded servers do. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, request as forward, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { pipeline, Transform } from 'node:stream'
import type { Test } from 'tap'

export type Act =
  /** Answers itself; the server never hears of the request. */
  | { readonly kind: 'answer', readonly status: number, readonly headers?: Readonly<Record<string, string>>, readonly body?: string }
  /** Breaks the connection before anything was passed on. */
  | { readonly kind: 'reset' }
  /** Passes the request on, and breaks the connection instead of answering. */
  | { readonly kind: 'lose' }
  /** Breaks the connection after so many bytes of the answer's body. */
  | { readonly kind: 'cut', readonly after: number }
  /** Changes a byte of the request's body. */
  | { readonly kind: 'tamper' }
  /** Does not answer until the connection is closed. */
  | { readonly kind: 'hang' }
  /** Sends so many bytes of the answer's body, then nothing more. */
  | { readonly kind: 'stall', readonly after: number }

export interface Fault {
  readonly act: Act
  readonly method?: string
  /** Matched against path and query. */
  readonly path?: RegExp
  /** How many requests it befalls. Default: 1. */
  readonly times?: number
}

export interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly act: Act['kind'] | undefined
}

export interface FaultProxy {
  readonly url: string
  /** Requests since the last `clear`. */
  readonly seen: Seen[]
  /** Requests under way. */
  readonly open: () => number
  add (...faults: readonly Fault[]): void
  /** Forgets faults that did not happen, and what was seen. */
  clear (): void
}

/** Listens until the test ends; with TLS when it is given a certificate. */
export async function faultProxy (t: Test, upstream: string, tls?: { readonly key: string, readonly cert: string }): Promise<FaultProxy> {
  const faults: Array<{ readonly fault: Fault, left: number }> = []
  const seen: Seen[] = []
  const { hostname, port } = new URL(upstream)
  let open = 0

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = '', url = '', headers } = request
    const found = faults.find(({ fault, left }) => left > 0 && (fault.method ?? method) === method && (fault.path?.test(url) ?? true))
    if (found !== undefined) found.left--
    const act = found?.fault.act
    seen.push({ method, path: url, headers, act: act?.kind })
    open++
    response.on('close', () => { open-- })
    // Broken connections are what this is for.
    request.on('error', () => {})
    if (act?.kind === 'reset') { request.socket.destroy(); return }
    if (act?.kind === 'hang') { request.resume(); return }
    if (act?.kind === 'answer') {
      request.resume().on('end', () => { response.writeHead(act.status, { ...act.headers, 'content-length': String(Buffer.byteLength(act.body ?? '')) }).end(act.body) })
      return
    }
    const onward = forward({ host: hostname, port, method, path: url, headers }, answer => {
      if (act?.kind === 'lose') { answer.resume().on('end', () => { request.socket.destroy() }); return }
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      if (act?.kind === 'cut' || act?.kind === 'stall') pass(answer, response, act, () => { request.socket.destroy() })
      else pipeline(answer, response, () => {})
    })
    onward.on('error', () => { request.socket.destroy() })
    if (act?.kind === 'tamper') pipeline(request, tamper(), onward, () => {})
    else pipeline(request, onward, () => {})
  }

  const server = tls === undefined ? createServer(handle) : createTlsServer(tls, handle)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  // Listening on a port it has an address of this form.
  const address = server.address() as AddressInfo
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${address.port}`,
    seen,
    open: () => open,
    add (...more) { for (const fault of more) faults.push({ fault, left: fault.times ?? 1 }) },
    clear () {
      faults.length = 0
      seen.length = 0
    }
  }
}

/** So much of the answer, then the end of the connection, or nothing. */
function pass (answer: IncomingMessage, response: ServerResponse, act: { readonly kind: 'cut' | 'stall', readonly after: number }, end: () => void): void {
  let left = act.after
  response.flushHeaders()
  if (left === 0 && act.kind === 'cut') { end(); return }
  answer.on('data', (chunk: Buffer) => {
    if (left <= 0) return
    const piece = chunk.subarray(0, left)
    left -= piece.length
    response.write(piece, () => { if (left <= 0 && act.kind === 'cut') end() })
  })
}

function tamper (): Transform {
  let done = false
  return new Transform({
    transform (chunk: Buffer, _encoding, pass) {
      if (!done && chunk.length > 0) chunk[0] = (chunk[0] ?? 0) ^ 1
      done = true
      pass(null, chunk)
    }
  })
}
