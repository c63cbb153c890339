/** What is made wrong in the request line and in the header of a request. */
import { type Draft, setHeader } from './draft.js'
import * as hostile from './hostile.js'
import { mutatedText } from './mutation.js'
import type { Random } from './random.js'

type Fault = (random: Random, draft: Draft) => void

const methods = ['get', 'Get', 'GE', 'GETT', '', ' ', 'TRACE', 'CONNECT', 'QUERY', 'PROPFIND', 'MKCOL', 'LOCK', 'SEARCH', 'M-SEARCH', 'PRI', 'LINK', 'OPTIONS', 'HEAD', 'GET', 'POST', 'PUT', 'PATCH', 'G\0T', 'GET\t', 'G\xffT', 'X'.repeat(3000)]
const versions = ['', 'HTTP/1.0', 'HTTP/0.9', 'HTTP/1.2', 'HTTP/2.0', 'HTTP/3', 'HTTP/1', 'HTTP/11', 'http/1.1', 'HTTP/1.1 x', 'HTTP/1.1\t', 'HTTP/-1.1', 'HTTP/1.99999999999', 'ICE/1.0', 'RTSP/1.0', '\xff']

/** By the name of a header: what its value may be instead. */
const values: ReadonlyArray<readonly [name: string, values: readonly string[]]> = [
  ['Host', hostile.hosts],
  ['Accept', hostile.mediaTypes],
  ['Content-Type', hostile.mediaTypes],
  ['Range', hostile.ranges],
  ['Content-Range', hostile.ranges],
  ['If-Range', [...hostile.tags, ...hostile.dates]],
  ['If-Match', hostile.tags],
  ['If-None-Match', hostile.tags],
  ['If-Modified-Since', hostile.dates],
  ['If-Unmodified-Since', hostile.dates],
  ['X-CDMI-Partial', hostile.partials],
  ['X-CDMI-Specification-Version', hostile.versions],
  ['X-CDMI-MustExist', hostile.texts.slice(0, 4)],
  ['X-CDMI-Unknown', hostile.versions],
  ['Authorization', hostile.authorizations],
  ['Content-Encoding', ['', 'gzip', 'identity', 'br, gzip', 'x', ',', '\xff']],
  ['Transfer-Encoding', ['', 'identity', 'gzip', 'chunked, gzip', 'gzip, chunked', 'chunked, chunked', 'CHUNKED', ' chunked', 'chunked ', 'xchunked', 'chunked;x', '\x0bchunked', 'chunked\0', '"chunked"', 'identity, chunked']],
  ['Content-Length', hostile.numbers],
  ['Expect', ['100-continue', '100-Continue', '', 'x', '200-ok', '100-continue, x']],
  ['Prefer', ['respond-async', 'respond-async, wait=0', 'wait=-1', '', ';', 'return=minimal', 'respond-async;x="']],
  ['Connection', ['', 'close', 'keep-alive', 'upgrade', 'close, upgrade', 'Content-Length', 'host', 'close, close', '\xff', 'transfer-encoding']],
  ['Upgrade', ['websocket', 'h2c', '', 'websocket, h2c', 'WebSocket', 'x']],
  ['HTTP2-Settings', ['', 'AAMAAABkAAQAAP__']],
  ['Sec-WebSocket-Key', ['', 'x', 'dGhlIHNhbXBsZSBub25jZQ==', 'dGhlIHNhbXBsZSBub25jZQ', '='.repeat(24), 'A'.repeat(5000)]],
  ['Sec-WebSocket-Version', ['', '0', '8', '12', '13', '14', '13, 8', '-13', 'x']],
  ['Sec-WebSocket-Extensions', ['', 'permessage-deflate', 'permessage-deflate; server_max_window_bits=99', 'permessage-deflate; x', 'permessage-deflate; client_max_window_bits="', ';', ',', 'x-webkit-deflate-frame', `permessage-deflate${'; a'.repeat(500)}`]],
  ['Sec-WebSocket-Protocol', ['', ',', 'a, a', 'a b', '\xff', 'x'.repeat(3000)]],
  ['Origin', ['', 'null', 'http://', 'http://page.example', 'http://store.example', 'file://', 'x', '\xff', 'http://a, http://b', 'h'.repeat(3000)]],
  ['Access-Control-Request-Method', ['', 'GET', 'X', 'get', '*', 'A'.repeat(3000)]],
  ['Access-Control-Request-Headers', ['', 'x', ',,,', 'x, y', '\xff', 'a,'.repeat(2000)]],
  ['X-Forwarded-For', ['', '127.0.0.1', '::1', 'x', '1.2.3.4, 5.6.7.8', '<script>', ','.repeat(999)]],
  ['X-Forwarded-Proto', ['', 'https', 'x', 'javascript']],
  ['X-Forwarded-Host', hostile.hosts],
  ['X-Request-Id', ['', 'a', 'a b', '<script>', 'x'.repeat(65), '\xff', '../..', '{"level":50}']],
  ['TE', ['', 'trailers', 'gzip', ';', 'chunked;q=0']],
  ['Trailer', ['', 'X-Injected', 'Content-Length', ',']],
  ['Cookie', ['', ';', 'a=b', '='.repeat(3000)]],
  ['Accept-Encoding', ['', 'gzip', 'identity;q=0', '*;q=0', ',']],
  ['Keep-Alive', ['', 'timeout=0', 'max=-1', 'timeout=99999999999']],
  ['traceparent', ['', '00-00000000000000000000000000000000-0000000000000000-00', 'x', '\xff']]
]

/** Lines that are no header, or more than one. */
const lines = ['', ':', ': x', ' ', '\t', ' folded', '\tfolded', 'X-Note', 'X-Note:', 'X-Note :x', 'X Note: x', 'X-No\0te: x', 'X-Note: a\0b', 'X-Note: a\rb', 'X-Note: a\rX-Injected: yes', 'X-Note: a\nX-Injected: yes', 'X-Note: \x7f', 'X-Note: \xff\xfe', '\xff: x', 'X-N\xf6te: x', '(x): y', '"x": y', 'X-Note: a\r\n b', 'X-Note: a\r\n\tb', 'Content-Length: 5', 'Content-Length: 0', 'content-length: 1', 'Transfer-Encoding: chunked', 'Host: other.example', 'host:', 'Authorization: Basic YTpi', 'Content-Type: application/cdmi-object', 'Connection: keep-alive', `X-Long: ${'x'.repeat(20_000)}`, `${'x'.repeat(9000)}: y`, `X-Almost: ${'x'.repeat(15_500)}`, ...['__proto__: x', 'constructor: x', 'toString: x', 'hasOwnProperty: x', 'if-match: "a"\r\nif-match: "b"', 'range: bytes=0-0\r\nrange: bytes=1-1', 'accept: */*\r\naccept: x', 'x-cdmi-partial: true\r\nx-cdmi-partial: false', 'x-cdmi-specification-version: 1.1\r\nx-cdmi-specification-version: 9', 'expect: 100-continue\r\nexpect: x', 'upgrade: websocket\r\nupgrade: h2c']]

const wrongMethod: Fault = (random, draft) => { draft.method = random.pick(methods) }
const wrongVersion: Fault = (random, draft) => { draft.version = random.pick(versions) }

const wrongSegment: Fault = (random, draft) => {
  const [path = '', query] = draft.target.split('?', 2)
  const parts = path.split('/')
  const at = random.between(1, parts.length)
  parts.splice(at, random.below(2), random.pick(hostile.segments))
  draft.target = parts.join('/') + (query === undefined ? '' : `?${query}`)
}

const wrongQuery: Fault = (random, draft) => {
  const more = random.once(4) ? mutatedText(random, random.pick(hostile.queries)) : random.pick(hostile.queries)
  draft.target = `${draft.target}${draft.target.includes('?') && random.once(2) ? random.pick(['&', ';']) : '?'}${more}`
}

const wrongTarget: Fault = (random, draft) => {
  switch (random.below(6)) {
    case 0: draft.target = mutatedText(random, draft.target)
      break
    case 1: draft.target = `${random.pick(['http://store.example', 'HTTPS://store.example:1', 'http://a@b', 'http://', 'ftp://x', 'http:/', 'http://[::1', 'ws://x', 'http://x?', 'http://x#', '//x', '///', 'file://'])}${draft.target}`
      break
    case 2: draft.target = random.pick(['*', '', '/', '//', 'x', 'store.example:80', '/%', '/?', '/#', '?', '/\0', '\xff', '/ x', '/cdmi/2.0.0', '/cdmi/2.0.0?', '/%63dmi/2.0.0/', '/CDMI/2.0.0/', '/data', '/data/', '/data//', '/data?', '/-', '/-/', '/ws/', '/ws?x', '/socket.io', '/socket.io/?', '/socket.io/x', '/cdmi_objectid/', '/cdmi_objectid', '/cdmi_objectid//', '/cdmi_objectid/00', `/cdmi_objectid/${'F'.repeat(80)}`, '/cdmi_objectid/00007ED90010D891022876A8DE0BC0FD', '/cdmi_capabilities/x/', '/cdmi_capabilities/__proto__/', '/cdmi_domains/', `/${'x/'.repeat(3000)}`, `/${'x'.repeat(15_000)}`])
      break
    // Each letter may be escaped; some should not be.
    case 3: draft.target = draft.target.replace(/[a-z]/g, letter => random.once(4) ? `%${letter.charCodeAt(0).toString(16)}` : letter)
      break
    case 4: draft.target = draft.target.replace(/\//g, slash => random.once(4) ? random.pick(['%2F', '//', '/./', '\\', '/x/../']) : slash)
      break
    default: draft.target += random.pick(hostile.segments)
  }
}

const wrongHeader: Fault = (random, draft) => {
  const [name, list] = random.pick(values)
  const value = random.pick(list)
  setHeader(draft, random.once(8) ? name.toLowerCase() : name, random.once(5) ? mutatedText(random, value, 1) : value)
}

const wrongLine: Fault = (random, draft) => {
  const line = random.pick(lines)
  const colon = line.indexOf(': ')
  // Bytes behind a colon and a blank are the value: what has none begins a line all the same.
  draft.headers.splice(random.below(draft.headers.length + 1), 0, colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 2)])
}

const doubled: Fault = (random, draft) => {
  const [name, value] = random.pick(draft.headers)
  draft.headers.push([random.once(2) ? name.toUpperCase() : name, random.once(2) ? value : mutatedText(random, value)])
}

const lost: Fault = (random, draft) => { draft.headers.splice(random.below(draft.headers.length), 1) }

const many: Fault = (random, draft) => {
  const count = random.pick([100, 999, 1001, 2500])
  for (let n = 0; n < count; n++) draft.headers.push([`x-${n}`, ''])
}

const mutatedHeader: Fault = (random, draft) => {
  const header = random.pick(draft.headers)
  header[random.below(2)] = mutatedText(random, header[random.below(2)] ?? '')
}

const faults: readonly Fault[] = [wrongMethod, wrongVersion, wrongSegment, wrongSegment, wrongSegment, wrongQuery, wrongQuery, wrongTarget, wrongTarget, wrongHeader, wrongHeader, wrongHeader, wrongHeader, wrongHeader, wrongLine, doubled, lost, mutatedHeader]

/** Makes something wrong in the head. */
export function breakHead (random: Random, draft: Draft): void {
  if (random.once(200)) many(random, draft)
  else random.pick(faults)(random, draft)
}
