/**
 * Which addresses of the network are anybody's: what a name of the outside must not lead to is inside (loopback, private and link-local networks, the
 * address of a cloud's metadata) or nowhere. For IPv6 only what is known to be global is public; addresses with an IPv4 address in them are judged
 * by that.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net'

/** RFC 6890 and the registries that it began. */
const notGlobal = new BlockList()
for (const [network, bits] of [
  ['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12], ['192.0.0.0', 24], ['192.0.2.0', 24],
  ['192.88.99.0', 24], ['192.168.0.0', 16], ['198.18.0.0', 15], ['198.51.100.0', 24], ['203.0.113.0', 24], ['224.0.0.0', 4], ['240.0.0.0', 4]
] as const) notGlobal.addSubnet(network, bits, 'ipv4')

/** Whether `address`, without brackets, is one that everybody may be sent to. False for what is no address. */
export function isPublicAddress (address: string): boolean {
  if (isIPv4(address)) return !notGlobal.check(address, 'ipv4')
  if (!isIPv6(address)) return false
  const words = wordsOf(address)
  const [a = 0, b = 0] = words
  // NAT64 (RFC 6052): the address behind the translator.
  if (a === 0x64 && b === 0xff9b && words.slice(2, 6).every(word => word === 0)) return isPublicAddress(embedded(words, 6))
  // IPv4-mapped (RFC 4291 §2.5.5.2).
  if (words.slice(0, 5).every(word => word === 0) && words[5] === 0xffff) return isPublicAddress(embedded(words, 6))
  // 6to4 (RFC 3056).
  if (a === 0x2002) return isPublicAddress(embedded(words, 1))
  // Global unicast, less protocol assignments (Teredo among them) and documentation.
  if ((a & 0xe000) !== 0x2000) return false
  return !(a === 0x2001 && b < 0x200) && !(a === 0x2001 && b === 0xdb8) && !(a === 0x3fff && b < 0x1000)
}

function embedded (words: readonly number[], at: number): string {
  const [high = 0, low = 0] = words.slice(at)
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.')
}

/** The eight words of a valid IPv6 address. */
function wordsOf (address: string): number[] {
  const [plain = ''] = address.split('%', 1)
  const text = plain.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, ...bytes: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.map(Number)
    return `${(a << 8 | b).toString(16)}:${(c << 8 | d).toString(16)}`
  })
  const [head = '', tail] = text.split('::')
  const parse = (part: string): number[] => part === '' ? [] : part.split(':').map(word => Number.parseInt(word, 16))
  const first = parse(head)
  if (tail === undefined) return first
  const last = parse(tail)
  return [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last]
}
