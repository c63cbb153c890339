/** What clients with bad intentions, or broken ones, put where something else belongs. */
import { mutated } from './mutation.js'
import type { Random } from './random.js'

const long = (text: string, times: number): string => text.repeat(times)

export const numbers = ['', '0', '-0', '-1', '+1', '1', '1.5', '1e3', '0x10', '00', '007', '4294967295', '4294967296', '9007199254740991', '9007199254740993', '18446744073709551616', long('9', 400), 'NaN', 'Infinity', '١', '1 ', ' 1', '1,2', '*', 'null']

/** For one segment of a path, as it stands in a request. */
export const segments = ['', '.', '..', '...', '%2e', '%2e%2e', '%2E%2e%2F', '..%2f', '..%5c', '%2F', '%2f%2f', '%5C', '%00', 'a%00b', 'a%0d%0ab', '%0a', '%7f', '%', '%2', '%zz', '%u0041', '%%', '%25', '%252e%252e%252f', '%C0%AE%C0%AE', '%C0%AF', '%E0%80%AF', '%F0%80%80%AF', '%ED%A0%80', '%ED%BF%BF', '%FF', '%C3', '%C3%28', '%F4%90%80%80',
  '%F8%88%80%80%80', '%EF%BF%BE', '%EF%BB%BF', '\xc3\xa9', '\xff', '\xc0\xaf', ';x=1', 'a;b', 'a?b', 'a#b', '#', '?', '*', ':', '@', '~', '-', '-/', 'cdmi_', 'cdmi_objectid', 'cdmi_capabilities', 'cdmi_domains', 'cdmi_snapshots', 'data', 'ws', 'socket.io', '__proto__', 'constructor', 'toString', 'con', 'a\\b', 'a|b', "a'b", 'a"b', '<script>', '{x}', '[x]', '$' + '{x}', '{{x}}', '$(x)', '%s%s%n', long('n', 1024), long('n', 1025), long('%41', 2000), long('a/', 1500)]

export const queries = ['', '?', '&', ';', '=', '&&&', 'x', 'x=', '=x', 'value', 'value=', 'value=0-', 'value=-0', 'value=-5', 'value=5-1', 'value=a-b', 'value=0-0&value=0-0', 'value:0-1;value:0-1', 'value=0-99999999999999999999', 'value=--1', 'value=0-1,2-3', 'valuerange', 'values=0', 'values=1-', 'values=3-7', 'metadata', 'metadata=', 'metadata:c;metadata:', 'metadata=%ff', 'metadata=__proto__', 'metadata=cdmi_', 'children', 'children=', 'children=0-', 'children=-1', 'children=5-1', 'children=0-99999999999999999999', 'children=!', 'children=!0-1', 'children=[', 'children=[]', 'children=[a', 'children=[a,]', 'children=[objectName,metadata/cdmi_size]', 'children=![objectName,children]0-5', 'children=[\\', 'children=[a%5C]', 'children=[constructor/prototype]', 'childrenrange', 'objectID;parentURI;objectName', '__proto__', 'constructor&toString', 'hasOwnProperty=1', 'limit=0', 'limit=-1', 'limit=1e3', 'limit=99999999999999999', 'limit=1&limit=2', 'limit[]=1', 'after=', 'after=%00', 'after=%2F', 'after=%ff', 'after=../', 'prefix=', 'prefix=%C3%28', 'prefix=%0d%0aX-Injected:%20yes', 'value=0-1?value=2-3', 'a[b][c]=d', 'a.b=c', '%', '%zz', '%00', '%ff=%fe', '\xff', long('value=0-1&', 700), long('metadata=a;', 700), long('x&', 3000), long('[', 3000), 'transport=polling&EIO=4', 'sid=../../x', 'EIO=99&transport=nothing', 'transport=websocket&EIO=3&b64=1&j=0']

export const mediaTypes = ['', ' ', '/', '*', '*/*', 'text', 'text/', '/plain', 'text/plain', 'text/plain;', 'text/plain; charset', 'text/plain; charset=', 'text/plain; charset=utf-8', 'text/plain; charset="utf-8', 'text/plain; charset=utf-16', 'text/plain;charset=utf-8;charset=latin1', 'text/html', 'application/json', 'application/json; charset=utf-7', 'application/merge-patch+json', 'application/problem+json', 'application/cdmi-object', 'application/cdmi-object+json', 'application/cdmi-object; version=x', 'application/cdmi-object;"', 'application/cdmi-container', 'application/cdmi-container+json', 'application/cdmi-capability', 'application/cdmi-domain', 'application/cdmi-queue', 'application/cdmi-', 'application/cdmi-object, application/cdmi-container', 'APPLICATION/CDMI-OBJECT', 'multipart/mixed', 'multipart/mixed; boundary=', 'multipart/mixed; boundary=b', 'multipart/mixed; boundary="b"; boundary=c', 'multipart/form-data', 'multipart/form-data; boundary=', 'multipart/form-data; boundary=b', 'multipart/form-data; boundary="', `multipart/form-data; boundary=${long('b', 5000)}`, 'multipart/byteranges; boundary=b', 'multipart/related; boundary=b', 'application/x-www-form-urlencoded', 'text/plain\tx', 'text/pl\xe4in', 'text/\0plain', `text/${long('x', 3000)}`, long('text/plain,', 500), 'text/*;q=0.5, */*;q=', 'text/html;q=NaN, application/json;q=-1', 'application/cdmi-object;q=0']

export const ranges = ['', 'bytes', 'bytes=', 'bytes=-', 'bytes=0-', 'bytes=-0', 'bytes=-1', 'bytes=0-0', 'bytes=5-1', 'bytes=a-b', 'bytes=0-0,0-0', 'bytes=0-0,-1,2-', 'bytes=,', 'bytes=0-99999999999999999999', 'bytes=99999999999999999999-', 'bytes 0-1/2', 'bytes 0-1/*', 'bytes 0-4/5', 'bytes 5-1/9', 'bytes 0-9/5', 'bytes */5', 'bytes */*', 'bytes=0-1/2', '0-4', '0-4/*', 'bytes 0-4', 'bytes -1-5/9', 'items=0-1', 'bytes = 0 - 1', 'BYTES=0-1', `bytes=${long('0-0,', 2500)}`, `bytes=${long('1-,', 2500)}`, `bytes 0-${long('9', 400)}/*`, 'bytes 9007199254740990-9007199254740991/*', 'bytes 4398046511104-4398046511108/*', 'bytes=0-1;x', 'bytes=\xff-']

export const dates = ['', '0', 'Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994', 'Sun, 31 Feb 2026 25:61:61 GMT', 'Thu, 01 Jan 0000 00:00:00 GMT', 'Fri, 31 Dec 9999 23:59:60 GMT', '2026-01-01T00:00:00Z', 'now', long('0', 500), 'Sun, 06 Nov 1994 08:49:37 +0100']

export const tags = ['', '*', '"', '""', '"a"', 'W/"a"', 'w/"a"', 'a', '"a', 'a"', '"a" "b"', '"a","b"', ',', '"a",,"b",', '*,"a"', '"*"', 'W/*', '"\xff"', '"a\\"b"', long('"x",', 2500), `"${long('x', 5000)}"`, '"00007ED9.1"']

export const partials = ['', 'true', 'false', 'TRUE', 'maybe', 'true;', 'true;count=1', 'upload-id=', 'upload-id', 'upload-id=a', 'upload-id=a;', 'upload-id=a;count=0', 'upload-id=a;count=1', 'upload-id=a;count=-1', 'upload-id=a;count=1e3', 'upload-id=a;count=99999999999999999999', 'upload-id=b;count=2', 'upload-id=a;range=', 'upload-id=a;range=0-9', 'upload-id=c;range=0-299', 'upload-id=a;range=9-0', 'upload-id=a;range=0-99999999999999999999', 'upload-id=a;replace=', 'upload-id=a;replace=true', 'upload-id=d;replace=false', 'upload-id=a;replace=true;replace=false', 'upload-id=a;count=1;range=0-1', 'upload-id=a;x=1', 'upload-id=\xff', `upload-id=${long('a', 1025)}`, 'upload-id=__proto__;count=2', 'upload-id=a, upload-id=b', `upload-id=a;${long(';', 4000)}`, 'id=1']

export const base64s = ['', '=', '==', '====', 'A', 'AA', 'AAA', 'AA=A', 'A===', 'AA==AA==', 'AAAA=', '!!!!', 'AAA\n', 'AA AA', '-_-_', 'Zm9v', 'Zm9vYg==', 'Zm9vYg=', 'Zm9vYh==', 'Zm9v\u0000', 'Zm9v\ud83d\ude00', long('A', 9999), '\u00e9', 'AAAA%3D']

export const hosts = ['', ' ', 'h', 'h:', 'h:0', 'h:99999999', 'h:x', '[::1]', '[::1', '[::1]:80', '::1', 'h h', 'h/x', 'h@x', 'h\\x', 'h,h', 'h?x', 'h#x', '<script>', '%00', '\xff', '..', `${long('h', 3000)}`, 'user:pass@h', 'localhost:6375']

export const authorizations = ['', 'Basic', 'Basic ', 'Basic !', 'Basic =', 'Basic Og==', 'Basic YTpi', 'basic YTpi', 'BASIC  YTpi', 'Basic YTpi YTpi', 'Basic YQ==', 'Basic /////w==', 'Bearer x', 'Digest username="a"', 'Negotiate', 'Basic\tYTpi', `Basic ${long('A', 9000)}`, 'Basic YTpi, Basic YTpi', 'Basic AAAA', '\xff']

export const versions = ['', '1', '1.1', '1.0.2', '1.1.1', '2.0.0', '2', '9.9', '1.1.1, 2.0.0', ',', '1.1.1;', 'x', '1..1', '-1', '1.1.1.1', '99999999999999999999', long('1.1,', 1000)]

/** Text in JSON strings. */
export const texts = ['', ' ', 'x', '\0', '\n', '\u001f', '\u007f', '\u0085', '\u2028', '\ufeff', '\ufffe', '\ud800', '\udc00', '\ud83d\ude00', '../', '/', '//', '/..', '\\', '%2F', '%', '__proto__', 'constructor', 'utf-8', 'base64', 'json', 'text/plain', 'none', 'x\r\nX-Injected: yes', '<script>alert(1)</script>', long('x', 70_000), '-1', '0', 'true', 'null', 'NaN', '{}', '[]', '1970-01-01T00:00:00.000000Z', '/cdmi_capabilities/', '/cdmi_domains/x/', 'http://', 'http://127.0.0.1:1/x', 'http://[::1', 'file:///x', 'javascript:x', 'ftp://h/x', '?value=0-1', '#']

const scalars: readonly unknown[] = [null, true, false, 0, -0, -1, 1.5, 1e21, 2 ** 53, 4294967296]

/** Any JSON value, seldom a deep one. */
export function anyJson (random: Random, depth = 3): unknown {
  switch (random.below(depth > 0 ? 6 : 3)) {
    case 0: return random.pick(scalars)
    case 1: return random.pick(texts)
    case 2: return random.pick(base64s)
    case 3: return Array.from({ length: random.below(4) }, () => anyJson(random, depth - 1))
    case 4: return anyJson(random, depth - 1)
    default: return Object.fromEntries(Array.from({ length: random.below(4) }, () => [random.pick(texts), anyJson(random, depth - 1)]))
  }
}

/** JSON texts that are too much, or not quite JSON. */
export function anyJsonText (random: Random): Buffer {
  if (random.once(3)) return mutated(random, Buffer.from(JSON.stringify({ a: anyJson(random), b: anyJson(random) })))
  return Buffer.from(wrongJsonText(random))
}

function wrongJsonText (random: Random): string {
  switch (random.below(10)) {
    case 0: return long('[', random.pick([10, 512, 513, 5000, 100_000]))
    case 1: {
      const depth = random.pick([511, 512, 513, 2000, 20_000])
      return `${long('[', depth)}${long(']', depth)}`
    }
    case 2: {
      const depth = random.pick([255, 513, 5000, 20_000])
      return `${long('{"a":', depth)}1${long('}', depth)}`
    }
    case 3: return `{"__proto__":${JSON.stringify(anyJson(random))}}`
    case 4: return `{"constructor":{"prototype":${JSON.stringify(anyJson(random))}}}`
    case 5: return `{"a":1,"a":${JSON.stringify(anyJson(random))}}`
    case 6: return random.pick(['', ' ', '{', '}', '[', '"', '"\\', '"\\u', '"\\ud800"', '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', '[1,]', '[,1]', '{,}', "{'a':1}", '{a:1}', '01', '1.', '.5', '1e', '+1', '--1', 'tru', 'nul', 'NaN', 'Infinity', '1e400', '-1e400', '{"a":1e999}', '\ufeff{}', '{} {}', '{}x', '/**/{}', '{"a":undefined}', '"\t"', '"\0"', '0x1', '1_000'])
    case 7: return `{${Array.from({ length: random.pick([1025, 3000]) }, (_, n) => `"k${n}":${n}`).join()}}`
    case 8: return random.once(4) ? `{"a":"${long('x', 2 ** 20 + 10)}"}` : `{"a":"${long('x', 66_000)}"}`
    default: return `${JSON.stringify(anyJson(random))}${random.pick(['\0', ',', ' x', '\r\n\r\n'])}`
  }
}
