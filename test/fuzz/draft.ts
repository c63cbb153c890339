/** A request before it is bytes: its pieces can be made wrong one by one. Heads are text of bytes (latin1). */
import type { Random } from './random.js'

export interface Draft {
  /** Which kind of request it was made from, for messages. */
  readonly name: string
  method: string
  target: string
  version: string
  headers: Array<[name: string, value: string]>
  body: Buffer | undefined
  framing: 'length' | 'chunked' | 'none'
}

/** Where a case plays: it does whatever it likes to what is there, and nothing to anything else. */
export interface Place {
  /** Path of a container, with its slash. There are `o` (text), `j` (JSON), `b` (long), `r` (a reference), `p` (in parts) and `sub/` with `x` in it. */
  readonly container: string
  /** How keys of keyed records here begin. The record of just this key is there. */
  readonly key: string
  /** IDs of the container, and of `o` and `b` in it. */
  readonly ids: { readonly container: string, readonly o: string, readonly b: string }
  readonly authorization: string
}

/** Header and body as bytes. `random`: cuts a chunked body somewhere. */
export function bytesOf ({ method, target, version, headers, body, framing }: Draft, random: Random): Buffer {
  const lines = [`${method} ${target} ${version}`, ...headers.map(([name, value]) => `${name}: ${value}`)]
  if (framing === 'length' && body !== undefined) lines.push(`Content-Length: ${body.length}`)
  if (framing === 'chunked') lines.push('Transfer-Encoding: chunked')
  const head = Buffer.from(lines.join('\r\n') + '\r\n\r\n', 'latin1')
  if (body === undefined && framing !== 'chunked') return head
  return Buffer.concat([head, framing === 'chunked' ? chunked(random, body ?? Buffer.alloc(0)) : body ?? Buffer.alloc(0)])
}

function chunked (random: Random, body: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < body.length;) {
    const size = Math.min(body.length - at, random.between(1, Math.max(1, body.length)))
    parts.push(Buffer.from(`${size.toString(16)}\r\n`), body.subarray(at, at + size), Buffer.from('\r\n'))
    at += size
  }
  parts.push(Buffer.from('0\r\n\r\n'))
  return Buffer.concat(parts)
}

/** Gives a header another value, or adds it. */
export function setHeader (draft: Draft, name: string, value: string): void {
  const found = draft.headers.find(([known]) => known.toLowerCase() === name.toLowerCase())
  if (found === undefined) draft.headers.push([name, value])
  else found[1] = value
}
