/** Long runs of plain characters of a JSON string, looked at sixteen bytes at a time by WebAssembly: byte by byte they are a large part of what a JSON text costs. */

// Node's types leave it out.
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: { readonly memory: { readonly buffer: ArrayBuffer }, readonly run: (size: number) => number } }
} | undefined

const vector = 16
/** Bytes that are copied there at a time: first few, since the run may end soon. */
const firstBlock = 2048
const lastBlock = 64 * 1024

/** `run`: how many of the first `size` bytes of the memory come before the vector with the first quote, backslash or control character. */
const program = Uint8Array.from([
  0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
  // The type, the function, one page of memory, and the names of both.
  1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f,
  3, 2, 1, 0,
  5, 4, 1, 1, 1, 1,
  7, 16, 2, 6, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 2, 0, 3, 0x72, 0x75, 0x6e, 0, 0,
  10, 80, 1, 78,
  // Locals: 1, the place; 2, its vector; 3, 4 and 5, vectors of quotes, of backslashes, and of the least character that is none of control.
  2, 1, 0x7f, 4, 0x7b,
  0x41, 0x22, 0xfd, 0x0f, 0x21, 3,
  0x41, 0xdc, 0x00, 0xfd, 0x0f, 0x21, 4,
  0x41, 0x20, 0xfd, 0x0f, 0x21, 5,
  0x03, 0x40,
  // Equal to a quote, or to a backslash, or less than a blank.
  0x20, 1, 0xfd, 0x00, 4, 0, 0x22, 2,
  0x20, 3, 0xfd, 0x23,
  0x20, 2, 0x20, 4, 0xfd, 0x23, 0xfd, 0x50,
  0x20, 2, 0x20, 5, 0xfd, 0x26, 0xfd, 0x50,
  // Any: return the place.
  0xfd, 0x53, 0x04, 0x40, 0x20, 1, 0x0f, 0x0b,
  // The next place, while it is before the end.
  0x20, 1, 0x41, vector, 0x6a, 0x22, 1, 0x20, 0, 0x49, 0x0d, 0, 0x0b,
  0x20, 1, 0x0b
])

const runner = open()

/** Undefined where there is no WebAssembly with vectors. */
function open (): { readonly bytes: Uint8Array, readonly run: (size: number) => number } | undefined {
  if (typeof WebAssembly === 'undefined') return undefined
  try {
    const { memory, run } = new WebAssembly.Instance(new WebAssembly.Module(program)).exports
    return { bytes: new Uint8Array(memory.buffer), run }
  } catch {
    return undefined
  }
}

/** A place up to which there are nothing but plain characters from `from` on, and that is within a vector of the first other one or of the end; `from` where that cannot be told. */
export function pastPlain (bytes: Uint8Array, from: number): number {
  if (runner === undefined) return from
  let at = from
  for (let block = firstBlock; bytes.length - at >= vector; block = Math.min(block * 2, lastBlock)) {
    const left = Math.min(block, bytes.length - at)
    const size = left - left % vector
    runner.bytes.set(bytes.subarray(at, at + size))
    const plain = runner.run(size)
    at += plain
    if (plain < size) break
  }
  return at
}
