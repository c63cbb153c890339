/** Frames of WebSocket (RFC 6455 §5.2) by hand: right ones, wrong ones, and those that a server sends. */
import type { Random } from './random.js'

export interface Frame {
  fin: boolean
  /** RSV1 to RSV3, as three bits. */
  reserved: number
  opcode: number
  masked: boolean
  /** The length that it says, where that is not its own. */
  length?: number | bigint
  /** In how many bits the length is written; undefined: as few as will do. */
  lengthBits?: 7 | 16 | 64
  payload: Buffer
}

export const textFrame = (payload: Buffer | string): Frame => ({ fin: true, reserved: 0, opcode: 1, masked: true, payload: Buffer.from(payload) })

export function frameBytes (random: Random, { fin, reserved, opcode, masked, length, lengthBits, payload }: Frame): Buffer {
  const said = BigInt(length ?? payload.length)
  const bits = lengthBits ?? (said < 126n ? 7 : said < 65536n ? 16 : 64)
  const head = [(fin ? 0x80 : 0) | (reserved << 4) | opcode]
  const mask = masked ? 0x80 : 0
  if (bits === 7) head.push(mask | Number(said & 0x7fn))
  else {
    head.push(mask | (bits === 16 ? 126 : 127))
    for (let shift = bits - 8; shift >= 0; shift -= 8) head.push(Number((said >> BigInt(shift)) & 0xffn))
  }
  if (!masked) return Buffer.concat([Buffer.from(head), payload])
  const key = random.bytes(4)
  return Buffer.concat([Buffer.from(head), key, payload.map((byte, n) => byte ^ (key[n % 4] ?? 0))])
}

/** What is made wrong with a frame. */
export function breakFrame (random: Random, frame: Frame): void {
  switch (random.below(10)) {
    case 0: frame.opcode = random.below(16)
      break
    case 1: frame.masked = false
      break
    case 2: frame.reserved = random.between(1, 7)
      break
    case 3: frame.fin = false
      break
    case 4: frame.length = random.pick([0, 1, 125, 126, 127, 65535, 65536, 2 ** 31, 2 ** 32, 2 ** 53, 2n ** 63n, 2n ** 64n - 1n, frame.payload.length + 1, Math.max(0, frame.payload.length - 1)])
      break
    case 5: frame.lengthBits = random.pick([7, 16, 64])
      break
    case 6: frame.opcode = 8
      frame.payload = random.pick([Buffer.alloc(0), Buffer.alloc(1), Buffer.from([0, 0]), ...[999, 1000, 1004, 1005, 1006, 1015, 1016, 2999, 3000, 4999, 5000, 65535].map(code => Buffer.from([code >> 8, code & 0xff, 0xff])), Buffer.alloc(126, 3)])
      break
    case 7: frame.opcode = random.pick([9, 10])
      frame.payload = random.bytes(random.pick([0, 1, 125, 126, 1000]))
      frame.fin = !random.once(4)
      break
    case 8: frame.payload = random.pick([Buffer.from([0xff]), Buffer.from([0xc0, 0xaf]), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from([0xf4, 0x90, 0x80, 0x80]), Buffer.from([0xe2, 0x82]), random.bytes(random.length(300))])
      break
    default: frame.opcode = random.pick([0, 2])
  }
}

/** The same message in several frames, as it may be, or nearly. */
export function fragments (random: Random, frame: Frame): Frame[] {
  const count = random.between(2, 5)
  const size = Math.ceil(frame.payload.length / count)
  const parts = Array.from({ length: count }, (_, n): Frame => ({ ...frame, fin: n === count - 1, opcode: n === 0 ? frame.opcode : 0, payload: frame.payload.subarray(n * size, (n + 1) * size) }))
  switch (random.below(5)) {
    case 0: parts.splice(1, 0, textFrame('{}'))
      break
    case 1: parts.splice(1, 0, { ...textFrame(''), opcode: random.pick([8, 9, 10]) })
      break
    case 2: parts.shift()
      break
    case 3: parts.pop()
      break
  }
  return parts
}

export interface Received {
  readonly opcode: number
  readonly payload: Buffer
}

/** The frames that a server has sent; `wrong`: what they must not be. One that is cut at the end is no fault. */
export function framesIn (bytes: Buffer): { frames: Received[], wrong: string | undefined } {
  const frames: Received[] = []
  for (let at = 0; at + 2 <= bytes.length;) {
    const [first, second] = [bytes[at] ?? 0, bytes[at + 1] ?? 0]
    const opcode = first & 0xf
    if ((first & 0x70) !== 0 || ![0, 1, 2, 8, 9, 10].includes(opcode)) return { frames, wrong: `a frame that begins with ${first.toString(16)}` }
    if ((second & 0x80) !== 0) return { frames, wrong: 'a masked frame of a server' }
    at += 2
    let length = second
    if (second === 126) {
      if (at + 2 > bytes.length) break
      length = bytes.readUInt16BE(at)
      at += 2
    } else if (second === 127) {
      if (at + 8 > bytes.length) break
      length = Number(bytes.readBigUInt64BE(at))
      at += 8
    }
    if (at + length > bytes.length) break
    frames.push({ opcode, payload: bytes.subarray(at, at + length) })
    at += length
  }
  return { frames, wrong: undefined }
}
