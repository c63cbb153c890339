/** Media types of plain files, by the ends of their names. */
import { extname } from 'node:path'

const types: Readonly<Record<string, string>> = {
  aac: 'audio/aac', avif: 'image/avif', bmp: 'image/bmp', bz2: 'application/x-bzip2', css: 'text/css', csv: 'text/csv', doc: 'application/msword',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document', epub: 'application/epub+zip', flac: 'audio/flac', gif: 'image/gif', gz: 'application/gzip',
  htm: 'text/html', html: 'text/html', ico: 'image/vnd.microsoft.icon', ics: 'text/calendar', jpeg: 'image/jpeg', jpg: 'image/jpeg', js: 'text/javascript', json: 'application/json',
  log: 'text/plain', m4a: 'audio/mp4', md: 'text/markdown', mjs: 'text/javascript', mov: 'video/quicktime', mp3: 'audio/mpeg', mp4: 'video/mp4', mpeg: 'video/mpeg',
  odp: 'application/vnd.oasis.opendocument.presentation', ods: 'application/vnd.oasis.opendocument.spreadsheet', odt: 'application/vnd.oasis.opendocument.text', ogg: 'audio/ogg', opus: 'audio/ogg',
  otf: 'font/otf', pdf: 'application/pdf', png: 'image/png', ppt: 'application/vnd.ms-powerpoint', pptx: 'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  rtf: 'application/rtf', svg: 'image/svg+xml', tar: 'application/x-tar', tif: 'image/tiff', tiff: 'image/tiff', toml: 'application/toml', ts: 'text/plain', ttf: 'font/ttf', txt: 'text/plain', wasm: 'application/wasm',
  wav: 'audio/wav', webm: 'video/webm', webp: 'image/webp', woff: 'font/woff', woff2: 'font/woff2', xls: 'application/vnd.ms-excel',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', xml: 'application/xml', yaml: 'application/yaml', yml: 'application/yaml', zip: 'application/zip'
}

/** Values of these types are shown as text where their bytes are UTF-8. */
const textual = /^text\/|^application\/(?:json|xml|yaml|toml)$|\+xml$/

export interface FileType {
  readonly mimetype: string
  /** What is tried: the bytes decide. */
  readonly encoding: 'utf-8' | 'base64'
}

export function typeOfFile (name: string): FileType {
  const extension = extname(name).slice(1).toLowerCase()
  const mimetype = Object.hasOwn(types, extension) ? types[extension] : undefined
  return { mimetype: mimetype ?? 'application/octet-stream', encoding: mimetype !== undefined && textual.test(mimetype) ? 'utf-8' : 'base64' }
}
