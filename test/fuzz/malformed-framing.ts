/** What is made wrong with where a request ends: lengths, chunks, ends of lines, and what could be seen as one request or as two. */
import { bytesOf, type Draft } from './draft.js'
import { numbers } from './hostile.js'
import { mutated } from './mutation.js'
import type { Random } from './random.js'

const head = (draft: Draft, ...more: string[]): string =>
  [`${draft.method} ${draft.target} ${draft.version}`, ...draft.headers.filter(([name]) => !/^(?:content-length|transfer-encoding)$/i.test(name)).map(([name, value]) => `${name}: ${value}`), ...more].join('\r\n') + '\r\n\r\n'
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

const sizes = ['', '0x5', '+5', '-5', '5 ', ' 5', '\t5', '05', '00000000000000005', '5;', '5;a=b', '5;a="b', '5;a=b\rx', `5;${'x'.repeat(20_000)}`, 'g', 'FFFFFFFFFFFFFFFF', '10000000000000000', '7fffffffffffffff', '5\n', '5\r', '5\0', '5.0', '٥']

type Frame = (random: Random, draft: Draft, body: Buffer) => Buffer

const frames: readonly Frame[] = [
  // Too few bytes, or too many.
  (random, draft, body) => Buffer.concat([latin1(head(draft, `Content-Length: ${body.length + random.between(1, 100_000)}`)), body]),
  (random, draft, body) => Buffer.concat([latin1(head(draft, `Content-Length: ${random.below(body.length + 1)}`)), body]),
  (random, draft, body) => Buffer.concat([latin1(head(draft, `Content-Length: ${random.pick(numbers)}`)), body]),
  (random, draft, body) => Buffer.concat([latin1(head(draft, `Content-Length: ${body.length}`, `Content-Length: ${random.pick(numbers)}`)), body]),
  (_random, draft, body) => Buffer.concat([latin1(head(draft)), body]),
  (random, draft, body) => Buffer.concat([latin1(head(draft, 'Transfer-Encoding: chunked')), latin1(`${random.pick(sizes)}\r\n`), body, latin1('\r\n0\r\n\r\n')]),
  (random, draft, body) => Buffer.concat([latin1(head(draft, 'Transfer-Encoding: chunked')), latin1(`${body.length.toString(16)}${random.pick(['\r', '\n', '\r\r\n', '\n\r', ''])}`), body, latin1(random.pick(['\r\n0\r\n\r\n', '\n0\n\n', '0\r\n\r\n', '\r\n', '', '\r\n0', '\r\n0\r\n', '\r\n0\r\nX-Injected: yes\r\n\r\n', '\r\n0\r\nContent-Length: 5\r\n\r\n', '\r\n0\r\n: x\r\n\r\n', `\r\n0\r\n${'X-T: y\r\n'.repeat(3000)}\r\n`, '\r\n00\r\n\r\n', '\r\n-1\r\n\r\n']))]),
  // Cut somewhere, in the head or in the body.
  (random, draft) => { const bytes = bytesOf(draft, random); return bytes.subarray(0, random.below(bytes.length)) },
  (random, draft) => mutated(random, bytesOf(draft, random)),
  (random, draft) => mutated(random, bytesOf(draft, random), 1),
  (random, draft) => latin1(bytesOf(draft, random).toString('latin1').replace(/\r\n/g, end => random.once(3) ? random.pick(['\n', '\r', '\r\r\n', ' \r\n', '\0\r\n', '\r\n\r\n']) : end)),
  (random, draft) => Buffer.concat([latin1(random.pick(['\r\n', '\r\n\r\n', '\n', ' ', '\0', '\xef\xbb\xbf', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\n', '\x00\x00\x00', 'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n'])), bytesOf(draft, random)])
]

/** The bytes of a request whose end is in the wrong place. */
export function misframed (random: Random, draft: Draft): Buffer {
  return random.pick(frames)(random, draft, draft.body ?? latin1('a body'))
}

/** Ways to say `chunked` that one reader understands and another does not. */
const chunkedWords = ['Transfer-Encoding: chunked', 'Transfer-Encoding : chunked', 'Transfer-Encoding:\tchunked', 'Transfer-Encoding: chunked, identity', 'Transfer-Encoding: identity, chunked', 'Transfer-Encoding: xchunked', 'Transfer-Encoding: "chunked"', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', 'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked', 'Transfer-Encoding:\r\n chunked', 'Transfer-Encoding: \x0bchunked', 'Transfer-Encoding: CHUNKED', 'transfer-encoding: chunked', 'Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: chunked, chunked']

/**
 * Requests that say in two ways where they end, with another request in the part that is read in one of them only. Whoever carries out the hidden
 * one does harm that can be seen.
 */
export function smuggled (random: Random, draft: Draft, hidden: Buffer): Buffer {
  const coding = random.pick(chunkedWords)
  const method = random.pick(['PUT', 'POST', 'PATCH'])
  const open: Draft = { ...draft, method, version: 'HTTP/1.1', headers: draft.headers.filter(([name]) => !/^(?:connection|expect|upgrade)$/i.test(name)) }
  const length = String(hidden.length)
  switch (random.below(6)) {
    case 0: return Buffer.concat([latin1(head(open, 'Content-Length: 4', coding)), latin1('0\r\n\r\n'), hidden])
    case 1: return Buffer.concat([latin1(head(open, coding, `Content-Length: ${length}`)), latin1('0\r\n\r\n'), hidden])
    case 2: return Buffer.concat([latin1(head(open, 'Content-Length: 0', `Content-Length: ${length}`)), hidden])
    case 3: return Buffer.concat([latin1(head(open, `Content-Length: ${random.pick(['+0', '-0', '0x0', '0, ' + length, '0 ' + length, '0,0', '00 0', '0;', '0.0', '"0"', '18446744073709551616', '0\x0b', '\x0b0'])}`)), hidden])
    case 4: return Buffer.concat([latin1(head(open, 'Transfer-Encoding: chunked')), latin1(`${random.pick(['0x0', '+0', '-0', ' 0', '0 0', '0_', '0\0', '\x0b0', '00000000000000000000x'])}\r\n\r\n`), hidden])
    default: return Buffer.concat([latin1(head(open, 'Transfer-Encoding: chunked')), latin1(`1\r\n${random.pick(['ab', 'a\r', 'a\n', 'a', 'a\0\r\n', 'ab\r\n'])}0\r\n\r\n`), hidden])
  }
}
