/** multipart/mixed bodies: built for requests, taken apart from answers. */
import { holds } from './expect.js'
import type { Answer } from './answer.js'

export interface Part {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | string
}

export interface MultipartBody {
  readonly type: string
  readonly body: Buffer
}

export function multipart (parts: readonly Part[], boundary = 'gc0p4Jq0M2Yt08j34c0p', subtype = 'mixed'): MultipartBody {
  const chunks = parts.flatMap(({ headers, body }) => [
    Buffer.from(`--${boundary}\r\n${Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`),
    Buffer.from(body),
    Buffer.from('\r\n')
  ])
  return { type: `multipart/${subtype}; boundary=${boundary}`, body: Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)]) }
}

/** A first part with the JSON, then the others. */
export function withJson (json: object, parts: readonly Part[], boundary?: string): MultipartBody {
  return multipart([{ headers: { 'Content-Type': 'application/cdmi-object' }, body: JSON.stringify(json) }, ...parts], boundary)
}

export interface ReceivedPart {
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

/** The parts of an answer. */
export function partsOf (answer: Answer): ReceivedPart[] {
  const boundary = /boundary="?([^";]+)"?/i.exec(answer.header('content-type'))?.[1]
  holds(answer.type === 'multipart/mixed' && boundary !== undefined, `${answer.request} answered ${answer.header('content-type')} instead of multipart/mixed with a boundary`)
  const text = `\r\n${answer.bytes.toString('latin1')}`
  const [, ...pieces] = text.split(`\r\n--${boundary}`)
  holds(pieces.at(-1)?.startsWith('--'), `the multipart body of ${answer.request} has no end`)
  return pieces.slice(0, -1).map(piece => {
    const end = piece.indexOf('\r\n\r\n')
    holds(end >= 0, `a part of ${answer.request} has no end of its headers`)
    const lines = piece.slice(0, end).split('\r\n').filter(line => line.includes(':'))
    const headers = new Map(lines.map((line): [string, string] => [line.slice(0, line.indexOf(':')).trim().toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]))
    return { headers, body: Buffer.from(piece.slice(end + 4), 'latin1') }
  })
}
