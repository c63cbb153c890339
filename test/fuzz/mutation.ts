/** Bytes and texts with something wrong in them. */
import type { Random } from './random.js'

/** Bytes that mean something to parsers. */
const telling = Buffer.from('\0\t\n\r "%&\'()*+,-./0:;<=>?@[\\]{|}\x7f\x80\xc0\xc3\xed\xf4\xfe\xff', 'latin1')
const pieces = ['\r\n', '\r\n\r\n', '\n', '\r', '\0', '%00', '%2F', '%2e%2e/', '../', '%zz', '%', '//', '\\', '"', '{', '}', '[', ']', ':', ';', ',', '=', '-', ' ', '\t', '\xc0\xaf', '\xed\xa0\x80', '\xff\xfe', '\xef\xbb\xbf', '-1', '0', '4294967296', '9007199254740993', '1e999', 'null', 'true', '__proto__', 'HTTP/1.1', '--', '\xf0\x9f\x98\x80'].map(text => Buffer.from(text, 'latin1'))

/** So many changes, each of few bytes. */
export function mutated (random: Random, bytes: Buffer, changes = 1 + random.length(6)): Buffer {
  let changed = bytes
  for (let n = 0; n < changes; n++) changed = changedOnce(random, changed)
  return changed
}

function changedOnce (random: Random, bytes: Buffer): Buffer {
  const at = random.below(bytes.length + 1)
  const count = random.length(Math.min(40, bytes.length - at))
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)]
  switch (random.below(8)) {
    case 0: {
      const copy = Buffer.from(bytes)
      if (at < copy.length) copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8))
      return copy
    }
    case 1: return Buffer.concat([before, after.subarray(count)])
    case 2: return Buffer.concat([before, random.bytes(random.between(1, 8)), after])
    case 3: return Buffer.concat([before, random.pick(pieces), after.subarray(random.below(3))])
    case 4: return Buffer.concat([before, after.subarray(0, count), after])
    case 5: return Buffer.concat([before, Buffer.from([telling[random.below(telling.length)] ?? 0]), after.subarray(1)])
    case 6: return before
    default: {
      const elsewhere = random.below(bytes.length + 1)
      return Buffer.concat([before, bytes.subarray(elsewhere, elsewhere + count), after])
    }
  }
}

/** The same for text of bytes (latin1), as heads of requests are. */
export function mutatedText (random: Random, text: string, changes?: number): string {
  return mutated(random, Buffer.from(text, 'latin1'), changes).toString('latin1')
}
