/**
 * Whether every answer in a trace of a server came after all that it says was on the disk: the bytes of the value, the names of its files and of the
 * directories that lead there, and the commit. Marks say what belongs together: each request has one of its own, in its head and in what it stores.
 */
import { dirname } from 'node:path'
import { type Call, fileOf, lastNumber, stringsOf } from './trace.js'

export interface FlushReport {
  /** Of successful answers to writes. */
  readonly answers: number
  /** Those among them whose value is in files. */
  readonly inFiles: number
  readonly commits: number
  readonly flushes: number
  /** Sentences. */
  readonly wrong: readonly string[]
  /** Line at which each request was read, and at which its answer began to be sent. */
  readonly heard: ReadonlyMap<string, number>
  readonly answered: ReadonlyMap<string, number>
}

/** What is in the head of a request; sockets have it as the ID of the message. */
export const markHeader = 'x-mark'
/** `long-`: of values that are in files. `gone-`: of removals, which store no mark. */
const markPattern = /(?:long|short|gone)-\d{6}/
const requestPattern = new RegExp(`${markHeader}: (${markPattern.source})\r\n`, 'gi')
const answerPattern = new RegExp(`"id":"(${markPattern.source})","status":2\\d\\d`, 'g')

interface Write {
  readonly call: Call
  readonly path: string
  readonly data: Buffer
  readonly isMeta: boolean
  /** Line from which on it was on the disk; Infinity: never. */
  readonly flushed: number
}

const writing: ReadonlySet<string> = new Set(['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2'])
const sending: ReadonlySet<string> = new Set(['write', 'writev', 'sendmsg', 'sendto'])
const receiving: ReadonlySet<string> = new Set(['read', 'readv', 'recvfrom', 'recvmsg'])
const making: ReadonlySet<string> = new Set(['mkdir', 'open', 'openat', 'creat'])

/** Bytes at the beginning of `meta.lmdb` that say which state counts. */
const metaPages = 8192

export function flushOrder (calls: readonly Call[], directory: string): FlushReport {
  const wrong: string[] = []
  const file = `${directory}/meta.lmdb`
  const flushes = calls.filter(({ name, result }) => (name === 'fsync' || name === 'fdatasync') && result === 0).map(call => ({ call, path: fileOf(call).path }))
  const flushedAfter = (path: string, { end }: Call): number => flushes.find(flush => flush.path === path && flush.call.begin > end)?.call.end ?? Infinity

  const writes: Write[] = []
  const heard = new Map<string, number>()
  const answered = new Map<string, number>()
  /** What was asked last on a connection. */
  const asked = new Map<number, string>()
  const made = new Map<string, Call>()
  const synchronous = new Set<number>()
  for (const call of calls) {
    const { fd, path } = fileOf(call)
    if (call.name === 'io_uring_setup' || call.name === 'sendfile' || call.name === 'splice' || call.name === 'copy_file_range') wrong.push(`line ${call.begin + 1}: ${call.name} does what this proof knows nothing of`)
    if (call.name === 'mmap' && call.args.includes(`<${file}>`) && /PROT_WRITE/.test(call.args)) wrong.push(`line ${call.begin + 1}: meta.lmdb is written to through memory`)
    if (making.has(call.name) && (call.result ?? -1) >= 0) {
      const name = stringsOf(call)[0]?.toString() ?? ''
      if (call.result !== undefined) (/O_D?SYNC/.test(call.args) ? synchronous.add(call.result) : synchronous.delete(call.result))
      if ((call.name === 'mkdir' || call.args.includes('O_CREAT')) && !made.has(name)) made.set(name, call)
    }
    if (path.startsWith('socket:')) {
      if (receiving.has(call.name)) {
        for (const [, mark = ''] of text(call).matchAll(requestPattern)) {
          asked.set(fd, mark)
          heard.set(mark, call.end)
        }
      } else if (sending.has(call.name)) {
        const said = text(call)
        const mark = asked.get(fd)
        if (mark !== undefined && /^HTTP\/1\.1 [2-5]/.test(said)) {
          asked.delete(fd)
          if (said.startsWith('HTTP/1.1 2')) answered.set(mark, call.begin)
        }
        for (const [, mark = ''] of said.matchAll(answerPattern)) answered.set(mark, call.begin)
      }
    } else if (writing.has(call.name) && path.startsWith(directory + '/') && (call.result ?? 0) > 0) {
      const data = Buffer.concat(stringsOf(call))
      const isMeta = path === file && call.name === 'pwrite64' && lastNumber(call) < metaPages && data.length < 4096
      writes.push({ call, path, data, isMeta, flushed: synchronous.has(fd) ? call.end : flushedAfter(path, call) })
    }
  }

  const metas = writes.filter(({ isMeta }) => isMeta)
  const pages = writes.filter(({ path, isMeta }) => path === file && !isMeta)
  for (const meta of metas) {
    for (const page of pages) if (page.call.begin < meta.call.begin && page.flushed >= meta.call.begin) wrong.push(`line ${meta.call.begin + 1}: a commit counts before its page of line ${page.call.begin + 1} is on the disk`)
  }
  const values = writes.filter(({ path }) => path.startsWith(`${directory}/blobs/`))
  let inFiles = 0
  for (const [mark, line] of answered) {
    const since = heard.get(mark) ?? -1
    const of = ({ call, data }: Write): boolean => call.begin > since && call.begin < line && data.includes(mark)
    const candidates = mark.startsWith('gone-') ? pages.filter(({ call }) => call.begin > since && call.begin < line) : pages.filter(of)
    // Which of the commits was this one: the first that counts after one of its pages.
    const commit = candidates.map(page => metas.find(meta => meta.call.begin > page.call.begin)).find(meta => meta !== undefined && meta.flushed < line)
    if (commit === undefined) {
      wrong.push(`line ${line + 1}: ${mark} is answered, and no commit of it is on the disk`)
      continue
    }
    if (!mark.startsWith('long-')) continue
    inFiles++
    const own = values.filter(of)
    if (own.length === 0) wrong.push(`line ${line + 1}: ${mark} is answered, and its value was never written`)
    for (const path of new Set(own.map(({ path }) => path))) {
      for (const { call, flushed } of values.filter(value => value.path === path)) if (flushed >= commit.call.begin) wrong.push(`line ${commit.call.begin + 1}: the commit of ${mark} counts before the bytes of line ${call.begin + 1} are on the disk`)
      for (let name = path; name !== directory; name = dirname(name)) {
        const birth = made.get(name)
        if (birth === undefined) wrong.push(`${name} of ${mark} was never made`)
        else if (flushedAfter(dirname(name), birth) >= commit.call.begin) wrong.push(`line ${commit.call.begin + 1}: the commit of ${mark} counts before the name ${name} is on the disk`)
      }
    }
  }
  return { answers: answered.size, inFiles, commits: metas.length, flushes: flushes.length, wrong, heard, answered }
}

function text (call: Call): string {
  return Buffer.concat(stringsOf(call)).toString('latin1')
}
