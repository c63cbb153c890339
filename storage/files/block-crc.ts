/**
 * The CRC-32 of a block of 64 KiB, about twice as fast as `crc32` of Node 20, which goes by tables, 8 bytes at a time: for values of a mebibyte that is
 * the largest part of all that a read costs.
 *
 * Vectors of 128 bits are the coefficients of a polynomial in y = x^128. Modulo the polynomial of CRC-32
 *
 *     y^203 + y^186 + y^123 + y^85 + y^79 + 1 = 0
 *
 * (the shortest such multiple with six terms, found by search). So a vector may be taken away when it is added to the five that come 17, 80, 118, 124 and 203
 * places after it: nothing but additions, which are XORs, of whole vectors. What is left after that are 203 vectors, whose remainder `crc32` finds.
 */
import { crc32 } from 'node:zlib'

/** Bytes of a block. */
export const blockSize = 64 * 1024

const vector = 16
const distances = [17, 80, 118, 124, 203]
const left = 203
/** Vectors that are taken away. */
const folded = blockSize / vector - left

// Memory: what comes before the first vector (zeros, but for the ones that a CRC begins with); the folded vectors; what would come after them, zeros;
// the vectors that are left; a block that was copied here; room for others.
const foldedAt = left * vector
const leftAt = foldedAt + (folded + left) * vector
const blockAt = 128 * 1024
const roomAt = blockAt + blockSize
/** Bytes of the room: those who fill it find what they filled summed without a copy. */
const roomSize = 16 * 1024 * 1024
const pages = (roomAt + roomSize) / (64 * 1024)

/** So many vectors in one turn of a loop: they divide those that are folded, and those that are left. */
const [foldTurn, leftTurn] = [17, 7]

type Fold = (source: number, before: number, target: number, turns: number) => void

// Node's types leave it out.
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number, maximum: number }) => { readonly buffer: ArrayBuffer }
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: { readonly fold: Fold, readonly end: Fold } }
} | undefined

interface Folder {
  readonly memory: ArrayBuffer
  /** Where a block goes that is elsewhere. */
  readonly block: Uint8Array
  /** Of the block at this place of the memory. */
  sum (at: number, before: number): number
}

let folder = open()

/** Undefined where there is no WebAssembly, or not enough of addresses for it. */
function open (): Folder | undefined {
  if (typeof WebAssembly === 'undefined') return undefined
  try {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
    const { fold, end } = new WebAssembly.Instance(new WebAssembly.Module(program()), { in: { memory } }).exports
    const register = new DataView(memory.buffer)
    const rest = new Uint8Array(memory.buffer, leftAt, left * vector)
    return {
      memory: memory.buffer,
      block: new Uint8Array(memory.buffer, blockAt, blockSize),
      sum (at, before) {
        register.setUint32(0, ~before, true)
        fold(at, 0, foldedAt, folded / foldTurn)
        end(at + folded * vector, folded * vector, leftAt, left / leftTurn)
        // From a register of zeros: the ones are in the bytes already.
        return crc32(rest, 0xffffffff)
      }
    }
  } catch {
    return undefined
  }
}

/**
 * Memory for bytes that are to be summed: a block there needs no copy. Each call gives other memory, and that of the call before is like any other from then
 * on, for as long as somebody has it. Undefined where there is none.
 */
export function newRoom (): Uint8Array | undefined {
  // The first one is there, and nobody has it. Without another one the old one goes on for what is elsewhere.
  const made = given ? open() : folder
  given = true
  if (made === undefined) return undefined
  folder = made
  return new Uint8Array(made.memory, roomAt, roomSize)
}

let given = false

/** `parts` are the bytes of one block; `before` is the checksum of what comes in front of it. */
export function blockCrc (parts: readonly Uint8Array[], before = 0): number {
  if (folder === undefined) return parts.reduce((sum, part) => crc32(part, sum), before)
  const [first] = parts
  if (first?.length === blockSize && first.buffer === folder.memory) return folder.sum(first.byteOffset, before)
  let at = 0
  for (const part of parts) {
    folder.block.set(part, at)
    at += part.length
  }
  return folder.sum(blockAt, before)
}

/** The program: two loops of the same kind, one that leaves its vectors where it looks for those before, and one that leaves them elsewhere. */
function program (): Uint8Array {
  const i32 = 0x7f
  const type = [0x60, ...vectorOf([[i32], [i32], [i32], [i32]]), 0]
  const name = (text: string): number[] => vectorOf(Array.from(text, letter => [letter.charCodeAt(0)]))
  return Uint8Array.from([
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, [type]),
    ...section(2, [[...name('in'), ...name('memory'), 2, 1, ...unsigned(pages), ...unsigned(pages)]]),
    ...section(3, [[0], [0]]),
    ...section(7, [[...name('fold'), 0, 0], [...name('end'), 0, 1]]),
    ...section(10, [loop(foldTurn), loop(leftTurn)].map(code => [...unsigned(code.length), ...code]))
  ])
}

/** A function of Fold's parameters: `source`, `before` (203 places before the first vector of the target), `target`, `turns`. */
function loop (vectors: number): number[] {
  const [source, before, target, turns] = [0, 1, 2, 3]
  const get = (local: number): number[] => [0x20, local]
  const load = (local: number, offset: number): number[] => [...get(local), 0xfd, 0x00, 4, ...unsigned(offset)]
  const step = (index: number): number[] => [
    ...get(target),
    ...load(source, index * vector),
    ...distances.flatMap(distance => [...load(before, (left - distance + index) * vector), 0xfd, 0x51]),
    0xfd, 0x0b, 4, ...unsigned(index * vector)
  ]
  const advance = (local: number): number[] => [...get(local), 0x41, ...signed(vectors * vector), 0x6a, 0x21, local]
  return [
    0, 0x03, 0x40,
    ...Array.from({ length: vectors }, (_, index) => step(index)).flat(),
    ...[source, before, target].flatMap(advance),
    ...get(turns), 0x41, 1, 0x6b, 0x22, turns, 0x0d, 0,
    0x0b, 0x0b
  ]
}

function section (id: number, entries: number[][]): number[] {
  const bytes = vectorOf(entries)
  return [id, ...unsigned(bytes.length), ...bytes]
}

function vectorOf (entries: number[][]): number[] {
  return [...unsigned(entries.length), ...entries.flat()]
}

/** LEB128, as the program's numbers are written. */
function unsigned (value: number): number[] {
  return value < 0x80 ? [value] : [value % 0x80 + 0x80, ...unsigned(Math.floor(value / 0x80))]
}

/** The same of a number that is not negative, where it would have a sign. */
function signed (value: number): number[] {
  return value < 0x40 ? [value] : [value % 0x80 + 0x80, ...signed(Math.floor(value / 0x80))]
}
