/** The answers in what came back over a connection, read strictly. */

export interface Answer {
  readonly status: number
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly body: Buffer
}

export interface Answers {
  /** Those that are final, in their order. */
  readonly answers: readonly Answer[]
  /** What followed 101: another protocol. */
  readonly upgraded: Buffer | undefined
  /** What is wrong with their form; undefined where nothing is. An answer that is cut at the end is no fault. */
  readonly wrong: string | undefined
}

const statusLine = /^HTTP\/1\.1 (\d{3}) [\t\x20-\x7e\x80-\xff]*$/
// A name, and a value without control characters (RFC 9110 §5).
const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t\x20-\x7e\x80-\xff]*)$/

export function answersIn (received: Buffer): Answers {
  const answers: Answer[] = []
  let rest = received
  const done = (wrong?: string, upgraded?: Buffer): Answers => ({ answers, wrong, upgraded })
  while (rest.length > 0) {
    const end = rest.indexOf('\r\n\r\n')
    const [first = '', ...lines] = rest.toString('latin1', 0, end < 0 ? rest.length : end).split('\r\n')
    if (end < 0) return done(first.startsWith('HTTP/1.1 ') || 'HTTP/1.1 '.startsWith(first) ? undefined : `bytes that are no answer: ${JSON.stringify(first.slice(0, 80))}`)
    const status = Number(statusLine.exec(first)?.[1])
    if (Number.isNaN(status)) return done(`no status line: ${JSON.stringify(first.slice(0, 80))}`)
    const headers: Array<[string, string]> = []
    for (const line of lines) {
      const [, name, value] = field.exec(line) ?? []
      if (name === undefined || value === undefined) return done(`no header field: ${JSON.stringify(line.slice(0, 80))}`)
      headers.push([name.toLowerCase(), value])
    }
    rest = rest.subarray(end + 4)
    if (status === 101) return done(undefined, rest)
    if (status < 200) continue
    const taken = bodyIn(rest, status, headers)
    if (typeof taken === 'string') return done(taken)
    answers.push({ status, headers, body: taken.body })
    rest = rest.subarray(taken.length)
  }
  return done()
}

function bodyIn (rest: Buffer, status: number, headers: ReadonlyArray<readonly [string, string]>): { body: Buffer, length: number } | string {
  const values = (wanted: string): string[] => headers.flatMap(([name, value]) => name === wanted ? [value] : [])
  const [length, ...lengths] = values('content-length')
  if (lengths.length > 0) return 'two Content-Length'
  const chunked = values('transfer-encoding').length > 0
  if (chunked && length !== undefined) return 'Content-Length and Transfer-Encoding'
  // Those to HEAD say how long they would be.
  if (status === 204 || status === 304 || rest.length === 0 || rest.toString('latin1', 0, 9) === 'HTTP/1.1 ') return { body: Buffer.alloc(0), length: 0 }
  if (chunked) return chunksIn(rest)
  if (length === undefined) return { body: rest, length: rest.length }
  return { body: rest.subarray(0, Number(length)), length: Math.min(Number(length), rest.length) }
}

function chunksIn (rest: Buffer): { body: Buffer, length: number } | string {
  const parts: Buffer[] = []
  for (let at = 0; ;) {
    const end = rest.indexOf('\r\n', at)
    if (end < 0) return { body: Buffer.concat(parts), length: rest.length }
    const text = rest.toString('latin1', at, end)
    if (!/^[\da-f]+$/i.test(text)) return `no size of a chunk: ${JSON.stringify(text.slice(0, 40))}`
    const size = parseInt(text, 16)
    if (size === 0) return { body: Buffer.concat(parts), length: Math.min(end + 4, rest.length) }
    parts.push(rest.subarray(end + 2, end + 2 + size))
    at = end + 2 + size + 2
    if (at > rest.length) return { body: Buffer.concat(parts), length: rest.length }
  }
}
