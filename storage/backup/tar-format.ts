/** Heads of files in a tar archive, in the form that POSIX has called ustar since 1988: plain files, nothing else. */

export const blockSize = 512

/** Where the fields of a head are: byte, length. */
const fields = { name: [0, 100], mode: [100, 8], owner: [108, 8], group: [116, 8], size: [124, 12], time: [136, 12], sum: [148, 8], type: [156, 1], magic: [257, 8], prefix: [345, 155] } as const
const magic = 'ustar\u000000'
const plainFile = '0'
const longest = 0o77777777777

export interface TarHead {
  readonly name: string
  readonly size: number
}

/** Bytes behind a file up to the next head. */
export function paddingOf (size: number): number {
  return (blockSize - size % blockSize) % blockSize
}

/** `time`: seconds since 1970. Throws RangeError for what the form cannot say. */
export function tarHead ({ name, size }: TarHead, time: number): Buffer {
  if (size > longest) throw new RangeError(`${name} is too long for a tar archive`)
  const block = Buffer.alloc(blockSize)
  const put = ([at, length]: readonly [number, number], text: string): void => {
    if (Buffer.byteLength(text) > length) throw new RangeError(`${text} is too long for a tar archive`)
    block.write(text, at)
  }
  const number = (field: readonly [number, number], value: number): void => { put(field, `${value.toString(8).padStart(field[1] - 1, '0')}\0`) }
  // A longer name is cut at one of its slashes.
  const cut = name.length <= fields.name[1] ? -1 : name.indexOf('/', name.length - fields.name[1] - 1)
  put(fields.name, name.slice(cut + 1))
  put(fields.prefix, name.slice(0, Math.max(0, cut)))
  number(fields.mode, 0o600)
  number(fields.owner, 0)
  number(fields.group, 0)
  number(fields.size, size)
  number(fields.time, time)
  put(fields.type, plainFile)
  put(fields.magic, magic)
  put(fields.sum, `${sumOf(block).toString(8).padStart(6, '0')}\0 `)
  return block
}

/** Undefined for a block that is none, or not what was written. */
export function readTarHead (block: Uint8Array): TarHead | undefined {
  const bytes = Buffer.from(block.buffer, block.byteOffset, block.length)
  const text = ([at, length]: readonly [number, number]): string => bytes.toString('utf8', at, at + length).replace(/\0[^]*$/, '')
  const number = (field: readonly [number, number]): number => Number.parseInt(text(field), 8)
  if (bytes.length !== blockSize || bytes.toString('latin1', fields.magic[0], fields.magic[0] + fields.magic[1]) !== magic || text(fields.type) !== plainFile || number(fields.sum) !== sumOf(bytes)) return undefined
  const prefix = text(fields.prefix)
  return { name: prefix === '' ? text(fields.name) : `${prefix}/${text(fields.name)}`, size: number(fields.size) }
}

/** Of all bytes, those of the sum itself counted as spaces. */
function sumOf (block: Uint8Array): number {
  const [from, length] = fields.sum
  return block.reduce((sum, byte, at) => sum + (at >= from && at < from + length ? 0x20 : byte), 0)
}
