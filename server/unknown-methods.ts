/**
 * What the parser takes for no method may be one that nobody knows, or no HTTP at all; the rest of its line says which. The line may come in several
 * packets: the parser, which stops at the first byte that it does not expect, tells of each of them.
 */
import type { Socket } from 'node:net'

/** With what the parser of Node tells besides. */
export type ParserError = Error & { readonly code?: string, readonly bytesParsed?: number, readonly rawPacket?: Buffer }

/** Bytes of a method before the one that the parser stops at, and of a line, that are looked at. */
const longestMethod = 64
const longestLine = 16 * 1024

const methodBegun = /[\w!#$%&'*+.^`|~-]*$/
/** A method, of which packets before may have brought all, a target, and the rest. */
const lineBegun = /^[\w!#$%&'*+.^`|~-]*(?: (?:\S+(?: ([^]*))?)?)?$/
const versions = ['HTTP/1.0\r\n', 'HTTP/1.1\r\n', 'HTTP/1.0\n', 'HTTP/1.1\n']

export class UnknownMethods {
  readonly #begun = new WeakMap<Socket, string>()

  /** Whether it is a request with a method that nobody knows; undefined: more has to come before somebody can say. */
  isRequest (socket: Socket, { code, bytesParsed = 0, rawPacket }: ParserError): boolean | undefined {
    const begun = this.#begun.get(socket)
    if ((begun === undefined && code !== 'HPE_INVALID_METHOD') || rawPacket === undefined) return false
    // Of what comes after its error the parser does not say where it stands.
    const line = begun === undefined ? lineAt(rawPacket, bytesParsed) : begun + rawPacket.toString('latin1')
    const match = lineBegun.exec(line)
    if (match === null) return false
    const [, rest] = match
    if (rest !== undefined && versions.some(version => rest.startsWith(version))) return true
    if (line.length > longestLine || (rest !== undefined && !versions.some(version => version.startsWith(rest)))) return false
    this.#begun.set(socket, line)
    return undefined
  }
}

function lineAt (packet: Buffer, at: number): string {
  const before = packet.toString('latin1', Math.max(0, at - longestMethod), at)
  return (methodBegun.exec(before)?.[0] ?? '') + packet.toString('latin1', at)
}
