/** System calls as strace has written them down: when each began and ended, what went in and what came out. */

export interface Call {
  readonly thread: number
  readonly name: string
  /** Between the brackets, as it is in the trace. */
  readonly args: string
  /** Lines of the trace. What another one has caused began after that had ended. */
  readonly begin: number
  readonly end: number
  /** Undefined when it never ended. */
  readonly result: number | undefined
}

/** For strace(1): all that puts something onto a disk, and all that sends. */
export const traced = [
  'openat', 'open', 'creat', 'close', 'read', 'readv', 'recvfrom', 'recvmsg', 'write', 'writev', 'pwrite64', 'pwritev', 'pwritev2', 'lseek', 'sendmsg', 'sendto', 'sendfile', 'splice', 'copy_file_range',
  'fsync', 'fdatasync', 'msync', 'sync', 'syncfs', 'sync_file_range', 'rename', 'renameat', 'renameat2', 'mkdir', 'mkdirat', 'link', 'linkat', 'symlink', 'symlinkat', 'unlink', 'unlinkat', 'rmdir',
  'truncate', 'ftruncate', 'fallocate', 'mmap', 'io_uring_setup'
] as const

/** A prefix of a command, whose system calls are written to the file. The process is that command all the same; strace stands aside. */
export function tracing (file: string): string[] {
  return ['strace', '-D', '-f', '-y', '-q', '--seccomp-bpf', '-s', '1200000', '-e', 'signal=none', '-e', `trace=${traced.join()}`, '-o', file]
}

interface Begun { readonly name: string, readonly args: string, readonly begin: number }

/** In the order in which they began. */
export function callsIn (lines: readonly string[]): Call[] {
  const calls: Call[] = []
  const underWay = new Map<number, Begun>()
  for (const [line, text] of lines.entries()) {
    const [, id = '', said = ''] = /^(\d+)\s+([^]*)$/.exec(text) ?? []
    const thread = Number(id)
    if (said === '' || said.startsWith('+++') || said.startsWith('---')) continue
    const resumed = said.startsWith('<... ')
    const begun = resumed ? underWay.get(thread) : begunIn(said, line)
    if (begun === undefined) throw new Error(`line ${line + 1} of the trace is not understood: ${text.slice(0, 200)}`)
    const rest = resumed ? said.slice(said.indexOf('resumed>') + 'resumed>'.length) : begun.args
    if (!resumed && said.endsWith(unfinished)) {
      underWay.set(thread, { ...begun, args: rest.slice(0, -unfinished.length) })
      continue
    }
    underWay.delete(thread)
    const { args, result } = endOf(rest)
    calls.push({ thread, name: begun.name, args: resumed ? begun.args + args : args, begin: begun.begin, end: line, result })
  }
  for (const [thread, begun] of underWay) calls.push({ thread, ...begun, end: Infinity, result: undefined })
  return calls.sort((one, other) => one.begin - other.begin)
}

const unfinished = ' <unfinished ...>'

function begunIn (said: string, begin: number): Begun | undefined {
  const bracket = said.indexOf('(')
  return bracket === -1 ? undefined : { name: said.slice(0, bracket), args: said.slice(bracket + 1), begin }
}

/** Where a result may stand: a call is followed by little. */
const tail = 400

function endOf (text: string): { args: string, result: number | undefined } {
  const from = Math.max(0, text.length - tail)
  const end = /\)\s*= (-?\d+|\?|0x[0-9a-f]+)[^"]*$/.exec(text.slice(from))
  if (end === null) throw new Error(`the trace has a call without an end: …${text.slice(from)}`)
  return { args: text.slice(0, from + end.index), result: end[1] === '?' ? undefined : Number(end[1]) }
}

/** The file of the first argument: its number, and its path as far as there is one. */
export function fileOf ({ args }: Call): { readonly fd: number, readonly path: string } {
  const [, fd = '-1', path = ''] = /^(\d+)(?:<([^>]*)>)?/.exec(args) ?? []
  return { fd: Number(fd), path }
}

/** The strings among the arguments, as bytes. */
export function stringsOf ({ args }: Call): Buffer[] {
  const found: Buffer[] = []
  for (let at = args.indexOf('"'); at !== -1; at = args.indexOf('"', at)) {
    let end = at + 1
    while (args[end] !== '"') end += args[end] === '\\' ? 2 : 1
    found.push(decoded(args.slice(at + 1, end)))
    at = end + 1
    if (args.startsWith('...', at)) throw new Error('the trace has only the beginning of what was written')
  }
  return found
}

const escapes: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, v: 11, f: 12, '\\': 92, '"': 34 }

function decoded (text: string): Buffer {
  const bytes = Buffer.allocUnsafe(text.length)
  let length = 0
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at++)
    if (code !== 92) {
      bytes[length++] = code
      continue
    }
    const [octal] = /^[0-7]{1,3}/.exec(text.slice(at, at + 3)) ?? []
    bytes[length++] = octal === undefined ? escapes[text[at] ?? ''] ?? 0 : parseInt(octal, 8)
    at += octal?.length ?? 1
  }
  return bytes.subarray(0, length)
}

/** The last number among the arguments: the offset of a write that has one. */
export function lastNumber ({ args }: Call): number {
  return Number(/(\d+)$/.exec(args)?.[1] ?? NaN)
}
