/** One burst of load with wrk, and what it measured. */
import { execFile, execFileSync } from 'node:child_process'
import { promisify } from 'node:util'
import type { BenchServer } from './child-server.js'

export interface Burst {
  readonly perSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Answers that were not 2xx or 3xx, and socket errors. */
  readonly failures: number
}

const run = promisify(execFile)
const units: Record<string, number> = { us: 0.001, ms: 1, s: 1000, m: 60_000 }

function milliseconds (text: string | undefined): number {
  const [, number = '0', unit = 'ms'] = /([\d.]+)(us|ms|s|m)/.exec(text ?? '') ?? []
  return Number(number) * (units[unit] ?? 1)
}

/** Throws a sentence when wrk is not installed. */
export function requireWrk (): void {
  try {
    execFileSync('wrk', ['--version'], { stdio: 'ignore' })
  } catch (error) {
    // wrk ends with 1 after printing its version.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new Error('The benchmark needs wrk: apt-get install wrk')
  }
}

export interface BurstOptions {
  readonly connections: number
  readonly seconds: number
  /** Default: 1. */
  readonly threads?: number
  readonly script: string
  readonly args: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
  /** What the script finds on its standard input. */
  readonly input?: Buffer
  /** What it finds in its environment beside that of this process. */
  readonly environment?: Readonly<Record<string, string>>
}

export async function burst (server: BenchServer, path: string, options: BurstOptions): Promise<Burst> {
  const headers = { ...(server.authorization === undefined ? {} : { authorization: server.authorization }), ...options.headers }
  const running = run('wrk', [
    '--threads', String(options.threads ?? 1), '--connections', String(options.connections), '--duration', `${options.seconds}s`, '--latency', '--timeout', '30s',
    ...Object.entries(headers).flatMap(([name, value]) => ['--header', `${name}: ${value}`]),
    '--script', `bench/lua/${options.script}.lua`, server.url + path, '--', ...options.args
  ], { maxBuffer: 1 << 24, env: { ...process.env, ...options.environment } })
  running.child.stdin?.end(options.input)
  const { stdout } = await running
  const number = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? 0)
  return {
    perSecond: number(/Requests\/sec:\s+([\d.]+)/),
    // At the beginning of a line: other percentages may end so.
    p50: milliseconds(/^\s+50%\s+(\S+)/m.exec(stdout)?.[1]),
    p99: milliseconds(/^\s+99%\s+(\S+)/m.exec(stdout)?.[1]),
    failures: number(/Non-2xx or 3xx responses: (\d+)/) + number(/connect (\d+)/) + number(/read (\d+)/) + number(/write (\d+)/) + number(/timeout (\d+)/)
  }
}
