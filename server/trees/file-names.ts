/**
 * Names of objects as names of files, on whatever file system: what one of them cannot hold is written as `%` and the hexadecimal digits of its UTF-8. A name that is
 * too long, or that a file system takes for another one, ends in `%~` and digits of its hash: the sidecar has it in full.
 */
import { createHash } from 'node:crypto'

/** The file in each directory that says what the others are. */
export const sidecarName = '.cdmi.jsonl'

/** Most file systems take 255. */
const longest = 240
const digits = 16
const marker = '%~'

// eslint-disable-next-line no-control-regex
const unsafe = /[\u0000-\u001f\u007f-\u009f<>:"/\\|?*%]/g
/** Names that Windows keeps for devices, with any extension. */
const devices = /^(?:con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/i

/** Never empty, never `.` or `..`, never that of the sidecar. `apart`: the name that comes first belongs to another object. */
export function fileNameOf (name: string, apart = false): string {
  let file = name.replace(unsafe, escaped)
  // Windows drops them.
  if (/[. ]$/.test(file)) file = file.slice(0, -1) + escaped(file.slice(-1))
  if (devices.test(file) || file.toLowerCase() === sidecarName) file = escaped(file.slice(0, 1)) + file.slice(1)
  if (!apart && Buffer.byteLength(file) <= longest) return file
  return shortened(file, longest - marker.length - digits) + marker + createHash('sha256').update(name).digest('hex').slice(0, digits)
}

/** The name of the object; undefined when only the sidecar knows it. Throws URIError for what `fileNameOf` never gives. */
export function nameOfFile (file: string): string | undefined {
  return file.includes(marker) ? undefined : decodeURIComponent(file)
}

function escaped (character: string): string {
  return Array.from(Buffer.from(character), byte => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
}

/** In whole characters. */
function shortened (text: string, bytes: number): string {
  const buffer = Buffer.from(text)
  if (buffer.length <= bytes) return text
  let end = bytes
  while (((buffer[end] ?? 0) & 0xc0) === 0x80) end--
  return buffer.toString('utf8', 0, end)
}
