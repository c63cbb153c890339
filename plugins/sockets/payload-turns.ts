/**
 * What one POST of engine.io's polling brings, taken in turns: it may have a million packets, and others want theirs. A client's POST is answered when all of it
 * has been taken, so that what it sends next, by whatever transport, cannot overtake it.
 */
import type { ServerResponse } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { whenAnswered } from '../../routes/http/answer-end.js'

type Take = (packet: { readonly type: string }) => unknown

/** What engine.io takes payloads apart with: the one of version 4 answers a list, that of version 3 calls back. */
export interface PayloadParser {
  decodePayload (data: string | Buffer, take?: Take): { forEach (take: Take): void } | undefined
}

/** A transport of engine.io, with what its types keep to themselves. */
export interface PollingTransport {
  readonly protocol: 3 | 4
  readonly readyState: string
  parser: PayloadParser
}

/** Packets that are taken in one turn of the event loop. */
const inOneTurn = 200
/** What stands between the packets of version 4. */
const separator = '\x1e'
/** Digits of the longest length that a packet of version 3 may say, and more. */
const longestLength = 12
/** Ends the number in front of a binary packet of version 3. */
const endOfLength = 255

/** As the parsers of engine.io say that a payload is none. */
const parserError = { type: 'error', data: 'parser error' }

export class PayloadTurns {
  readonly #transport: PollingTransport
  readonly #ready: () => Promise<void>
  #taking: Promise<void> | undefined
  /** The answer to the POST that has none yet. */
  #posting: ServerResponse | undefined

  /** `ready`: resolves when there is room for more. */
  constructor (transport: PollingTransport, ready: () => Promise<void>) {
    this.#transport = transport
    this.#ready = ready
    const { parser, protocol } = transport
    const parts = protocol === 3 ? partsOf3 : partsOf4
    transport.parser = {
      ...parser,
      decodePayload: (data, take) => {
        if (take === undefined) return { forEach: take => { this.#take(parts(data), (part, each) => parser.decodePayload(part)?.forEach(each), take) } }
        this.#take(parts(data), (part, each) => parser.decodePayload(part, each), take)
        return undefined
      }
    }
  }

  /** Resolves when nothing is being taken. */
  async taken (): Promise<void> {
    while (this.#taking !== undefined) await this.#taking
  }

  /** Begins a POST, whose answer is held back until all of it has been taken. False: the one before it has no answer yet, and the protocol lets a client send no other. */
  begin (response: ServerResponse): boolean {
    if (this.#posting !== undefined) return false
    this.#posting = response
    const ended = (): void => { if (this.#posting === response) this.#posting = undefined }
    whenAnswered(response, ended)
    const end = response.end.bind(response)
    response.end = (...given: unknown[]) => {
      const finish = (): void => {
        // Not later: the client may send the next one as soon as it has seen the answer.
        ended()
        Reflect.apply(end, response, given)
      }
      if (this.#taking === undefined) finish()
      else this.#taking.finally(finish)
      return response
    }
    return true
  }

  /** The first part at once: nearly all payloads have no other. */
  #take (parts: Iterator<Part, undefined>, decode: (part: string | Buffer, each: Take) => unknown, take: Take): void {
    let open = true
    const each: Take = packet => {
      if (open && (take(packet) === false || packet.type === parserError.type)) open = false
      return open
    }
    const next = (): boolean => {
      const { done, value } = parts.next()
      if (done === true) return false
      if (value === malformed) each(parserError)
      else decode(value, each)
      return open
    }
    if (next()) this.#taking = this.#rest(next).finally(() => { this.#taking = undefined })
  }

  async #rest (next: () => boolean): Promise<void> {
    do {
      await setImmediate()
      await this.#ready()
    } while (this.#transport.readyState === 'open' && next())
  }
}

const malformed = Symbol('malformed')
type Part = string | Buffer | typeof malformed

/** Packets stand between separators. */
function * partsOf4 (data: string | Buffer): Generator<Part, undefined> {
  const text = data.toString()
  let from = 0
  for (let packets = 1, at = text.indexOf(separator); at !== -1; at = text.indexOf(separator, at + 1), packets++) {
    if (packets % inOneTurn !== 0) continue
    yield text.slice(from, at)
    from = at + 1
  }
  yield text.slice(from)
  return undefined
}

/** Each packet has its length in front of it. */
function * partsOf3 (data: string | Buffer): Generator<Part, undefined> {
  const endOf = typeof data === 'string' ? (at: number) => endOfText(data, at) : (at: number) => endOfBytes(data, at)
  let from = 0
  let packets = 0
  for (let at = 0; at < data.length;) {
    const end = endOf(at)
    if (end === undefined || end > data.length) {
      if (from < at) yield data.slice(from, at)
      yield malformed
      return undefined
    }
    at = end
    if (++packets % inOneTurn !== 0) continue
    yield data.slice(from, at)
    from = at
  }
  // Nothing at all is for the parser to judge.
  if (from < data.length || from === 0) yield data.slice(from)
  return undefined
}

/** `11:hello world` */
function endOfText (text: string, at: number): number | undefined {
  const [digits, length] = /^(\d+):/.exec(text.slice(at, at + longestLength)) ?? []
  return digits === undefined ? undefined : at + digits.length + Number(length)
}

/** What kind it is, digits, and their end. */
function endOfBytes (bytes: Buffer, at: number): number | undefined {
  const end = bytes.subarray(0, at + longestLength).indexOf(endOfLength, at + 1)
  const digits = [...bytes.subarray(at + 1, Math.max(at + 1, end))]
  return digits.length === 0 || digits.some(digit => digit > 9) ? undefined : end + 1 + Number(digits.join(''))
}
