/** What the workloads are, whoever does them; and how our server is asked for them, by each of its doors. */

/** How one server is asked to do a workload. */
export interface Job {
  readonly method: string
  readonly path: string
  /** What comes after the path: nothing, a key that was never used, or one of so many. */
  readonly keys: 'none' | 'fresh' | number
  /** Of the numbers of keys, with zeros in front. Default: as many as each needs. */
  readonly digits?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
  /** What its answer has at least, in bytes; and how many names, where it is a list. */
  readonly answer?: { readonly bytes?: number, readonly names?: number }
}

export type WorkloadName = 'W1' | 'W2' | 'W3' | 'W4' | 'W5' | 'W6' | 'W7'

export interface Workload {
  readonly name: WorkloadName
  readonly title: string
  readonly connections: number
}

/** Records that are read and replaced, values that are, and names of a list. */
export const counts = { small: 1000, large: 64, list: 10_000 } as const
const mebibyte = 1024 ** 2

export const workloads: readonly Workload[] = [
  { name: 'W1', title: 'create, 100 bytes', connections: 32 },
  { name: 'W2', title: 'read, 100 bytes', connections: 32 },
  { name: 'W3', title: 'replace, 100 bytes', connections: 32 },
  { name: 'W4', title: 'replace, 1 MiB', connections: 16 },
  { name: 'W5', title: 'read, 1 MiB', connections: 16 },
  { name: 'W6', title: 'form upload, 64 KiB', connections: 16 },
  { name: 'W7', title: 'list of 10,000', connections: 4 }
]

export type Jobs = Readonly<Partial<Record<WorkloadName, Job>>>

/** How names in a list begin: they are counted by it. */
export const listed = 'entry-'
export const small = Buffer.from(JSON.stringify({ name: 'benchmark', text: 'x'.repeat(70) }))
export const large = Buffer.alloc(mebibyte, '0123456789abcdef')
/** As JSON, for a door that takes nothing else: exactly as long. */
const largeJSON = Buffer.from(JSON.stringify([large.toString('latin1').slice(0, -4)]))

const json = { 'content-type': 'application/json' }
const octets = { 'content-type': 'application/octet-stream' }

/** A form with one file of 64 KiB, and the fields before it. */
export function form (fields: Readonly<Record<string, string>> = {}): Pick<Job, 'body' | 'headers'> {
  const part = (head: string, body: string): string => `--benchmark\r\nContent-Disposition: form-data; ${head}\r\n\r\n${body}\r\n`
  const parts = Object.entries(fields).map(([name, value]) => part(`name="${name}"`, value))
  const file = part('name="file"; filename="file.bin"\r\nContent-Type: application/octet-stream', large.toString('latin1', 0, 65536))
  return { headers: { 'content-type': 'multipart/form-data; boundary=benchmark', accept: 'application/json' }, body: Buffer.from(`${parts.join('')}${file}--benchmark--\r\n`) }
}

/** GET and PUT of plain values under such paths: what most servers of files know. */
export function plainJobs (paths: { readonly small: string, readonly large: string }): Jobs & Required<Pick<Jobs, 'W1' | 'W3' | 'W4'>> {
  return {
    W1: { method: 'PUT', path: paths.small, keys: 'fresh', headers: json, body: small },
    W2: { method: 'GET', path: paths.small, keys: counts.small, answer: { bytes: small.length } },
    W3: { method: 'PUT', path: paths.small, keys: counts.small, headers: json, body: small },
    W4: { method: 'PUT', path: paths.large, keys: counts.large, headers: octets, body: large },
    W5: { method: 'GET', path: paths.large, keys: counts.large, answer: { bytes: large.length } }
  }
}

const cdmiObject = { 'content-type': 'application/cdmi-object', accept: 'application/cdmi-object' }
const cdmiBody = (value: Buffer, mimetype: string, encoding: 'utf-8' | 'base64'): Buffer =>
  Buffer.from(JSON.stringify({ mimetype, valuetransferencoding: encoding, value: value.toString(encoding === 'utf-8' ? 'utf8' : encoding) }))
const root = '/cdmi/2.0.0/'
const entries = { names: counts.list }

export type Door = 'keyed' | 'plain' | 'CDMI'

export const ours: Readonly<Record<Door, Jobs>> = {
  keyed: {
    W1: { method: 'POST', path: '/data/', keys: 'fresh', headers: json, body: small },
    W2: { method: 'GET', path: '/data/small-', keys: counts.small, answer: { bytes: small.length } },
    W3: { method: 'PUT', path: '/data/small-', keys: counts.small, headers: json, body: small },
    W4: { method: 'PUT', path: '/data/large-', keys: counts.large, headers: json, body: largeJSON },
    W5: { method: 'GET', path: '/data/large-', keys: counts.large, answer: { bytes: largeJSON.length } },
    W7: { method: 'GET', path: `/data?prefix=${listed}`, keys: 'none', answer: entries }
  },
  plain: {
    ...plainJobs({ small: `${root}small/`, large: `${root}large/` }),
    W6: { method: 'POST', path: `${root}forms/`, keys: 'none', ...form() },
    W7: { method: 'GET', path: `${root}list/`, keys: 'none', answer: entries }
  },
  CDMI: {
    W1: { method: 'PUT', path: `${root}small-cdmi/`, keys: 'fresh', headers: cdmiObject, body: cdmiBody(small, 'application/json', 'utf-8') },
    W2: { method: 'GET', path: `${root}small-cdmi/`, keys: counts.small, headers: { accept: 'application/cdmi-object' }, answer: { bytes: small.length } },
    W3: { method: 'PUT', path: `${root}small-cdmi/`, keys: counts.small, headers: cdmiObject, body: cdmiBody(small, 'application/json', 'utf-8') },
    W4: { method: 'PUT', path: `${root}large-cdmi/`, keys: counts.large, headers: cdmiObject, body: cdmiBody(large, 'application/octet-stream', 'base64') },
    W5: { method: 'GET', path: `${root}large-cdmi/`, keys: counts.large, headers: { accept: 'application/cdmi-object' }, answer: { bytes: large.length } },
    W7: { method: 'GET', path: `${root}list/`, keys: 'none', headers: { accept: 'application/cdmi-container' }, answer: entries }
  }
}
/** Containers that these jobs need. */
export const ourContainers = ['small', 'large', 'forms', 'list', 'small-cdmi', 'large-cdmi'].map(name => `${root}${name}/`)
/** Where our lists get their entries. */
export const ourEntries: readonly Job[] = [
  { method: 'POST', path: `/data/${listed}`, keys: counts.list, headers: json, body: Buffer.from('{}') },
  { method: 'PUT', path: `${root}list/${listed}`, keys: counts.list, headers: octets, body: Buffer.from('x') }
]
