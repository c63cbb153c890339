/** Media types of plain files, by the ends of their names. */
import { extname } from 'node:path'

const extensions: ReadonlyArray<readonly [mimetype: string, extensions: string]> = [
  ['application/epub+zip', 'epub'],
  ['application/gzip', 'gz'],
  ['application/json', 'json'],
  ['application/msword', 'doc'],
  ['application/pdf', 'pdf'],
  ['application/rtf', 'rtf'],
  ['application/toml', 'toml'],
  ['application/vnd.ms-excel', 'xls'],
  ['application/vnd.ms-powerpoint', 'ppt'],
  ['application/vnd.oasis.opendocument.presentation', 'odp'],
  ['application/vnd.oasis.opendocument.spreadsheet', 'ods'],
  ['application/vnd.oasis.opendocument.text', 'odt'],
  ['application/vnd.openxmlformats-officedocument.presentationml.presentation', 'pptx'],
  ['application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', 'xlsx'],
  ['application/vnd.openxmlformats-officedocument.wordprocessingml.document', 'docx'],
  ['application/wasm', 'wasm'],
  ['application/x-bzip2', 'bz2'],
  ['application/x-tar', 'tar'],
  ['application/xml', 'xml'],
  ['application/yaml', 'yaml yml'],
  ['application/zip', 'zip'],
  ['audio/aac', 'aac'],
  ['audio/flac', 'flac'],
  ['audio/mp4', 'm4a'],
  ['audio/mpeg', 'mp3'],
  ['audio/ogg', 'ogg opus'],
  ['audio/wav', 'wav'],
  ['font/otf', 'otf'],
  ['font/ttf', 'ttf'],
  ['font/woff', 'woff'],
  ['font/woff2', 'woff2'],
  ['image/avif', 'avif'],
  ['image/bmp', 'bmp'],
  ['image/gif', 'gif'],
  ['image/jpeg', 'jpeg jpg'],
  ['image/png', 'png'],
  ['image/svg+xml', 'svg'],
  ['image/tiff', 'tif tiff'],
  ['image/vnd.microsoft.icon', 'ico'],
  ['image/webp', 'webp'],
  ['text/calendar', 'ics'],
  ['text/css', 'css'],
  ['text/csv', 'csv'],
  ['text/html', 'htm html'],
  ['text/javascript', 'js mjs'],
  ['text/markdown', 'md'],
  ['text/plain', 'log ts txt'],
  ['video/mp4', 'mp4'],
  ['video/mpeg', 'mpeg'],
  ['video/quicktime', 'mov'],
  ['video/webm', 'webm']
]

const types = new Map(extensions.flatMap(([mimetype, all]) => all.split(' ').map(extension => [extension, mimetype] as const)))

/** Values of these types are shown as text where their bytes are UTF-8. */
const textual = /^text\/|^application\/(?:json|xml|yaml|toml)$|\+xml$/

export interface FileType {
  readonly mimetype: string
  /** What is tried: the bytes decide. */
  readonly encoding: 'utf-8' | 'base64'
}

export function typeOfFile (name: string): FileType {
  const extension = extname(name).slice(1).toLowerCase()
  const mimetype = types.get(extension)
  return { mimetype: mimetype ?? 'application/octet-stream', encoding: mimetype !== undefined && textual.test(mimetype) ? 'utf-8' : 'base64' }
}
