/** On what it was measured. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, open, readFile, rm, stat } from 'node:fs/promises'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { median } from './statistics.js'

export interface Machine {
  readonly model: string
  readonly cores: number
  /** Bytes. */
  readonly memory: number
  readonly kernel: string
  /** File system and device of the stores. */
  readonly disk: string
  /** Milliseconds that a flush of 4 KiB takes. */
  readonly flush: number
  /** Processes that wanted to run in the minute before. */
  readonly load: number
}

const flushes = 50

export async function machine (directory: string): Promise<Machine> {
  return {
    model: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memory: totalmem(),
    kernel: release(),
    load: loadavg()[0] ?? 0,
    disk: await diskOf(directory),
    flush: await flushTime(directory)
  }
}

async function flushTime (directory: string): Promise<number> {
  const place = await mkdtemp(join(directory, 'fastify-cdmi-flush-'))
  try {
    const file = await open(join(place, 'file'), 'w')
    const times: number[] = []
    const block = Buffer.alloc(4096, 'x')
    for (let at = 0; at < flushes; at++) {
      await file.write(block)
      const began = performance.now()
      await file.datasync()
      times.push(performance.now() - began)
    }
    await file.close()
    return median(times)
  } finally {
    await rm(place, { recursive: true })
  }
}

async function diskOf (directory: string): Promise<string> {
  try {
    const { dev } = await stat(directory)
    // As in Linux' makedev for what is below 4096 and 256.
    const number = `${dev >> 8 & 0xfff}:${dev & 0xff}`
    const line = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').find(line => line.split(' ')[2] === number)
    const [type = 'unknown', device = 'unknown'] = line?.split(' - ')[1]?.split(' ') ?? []
    return `${type} on ${device}`
  } catch {
    return 'unknown disk'
  }
}

/** Where a command has no way to say its version. */
export function isInstalled (command: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$0"', command]).status === 0
}

/** What a command says of its version; undefined: it is not installed. */
export function versionOf (command: string, args: readonly string[]): string | undefined {
  try {
    // Some say it on standard error, and end with 1.
    const text = execFileSync('sh', ['-c', '"$0" "$@" 2>&1; test $? -lt 126', command, ...args], { encoding: 'utf8' })
    return /\d+\.\d+(\.\d+)?/.exec(text)?.[0]
  } catch {
    return undefined
  }
}

/** Of Node, of packages of this one, and of the load generator. */
export async function versions (): Promise<Record<string, string>> {
  const found: Record<string, string> = { Node: process.versions.node }
  for (const name of ['fastify', 'lmdb']) {
    const { version }: { version: string } = JSON.parse(await readFile(`node_modules/${name}/package.json`, 'utf8'))
    found[name] = version
  }
  found['wrk'] = versionOf('wrk', ['--version']) ?? 'unknown'
  return found
}
