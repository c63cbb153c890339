/** The stand-alone server as a process of its own, the way a user starts it, on a port that the system chose. */
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import { commandLine, plainNode } from './plain-node.js'

export interface ServerProcess {
  readonly origin: string
  readonly authorization: string
  readonly child: ChildProcess
  /** All that it printed so far. */
  output (): string
  /** Ends it as an operator would; answers its exit code. */
  stop (signal?: NodeJS.Signals): Promise<number | null>
  /** Ends it as a power cut would end the process. */
  kill (): Promise<void>
  /** Resident memory now, in bytes. */
  residentMemory (): number
}

const password = 'test password'

/** The command line in a process of its own. `prefix`: a command that becomes it. */
function spawnCommand (args: readonly string[], environment: Record<string, string>, prefix: readonly string[] = []): ChildProcessWithoutNullStreams {
  const [command, rest] = plainNode(commandLine, ...args)
  const [first = command, ...others] = [...prefix, command, ...rest]
  return spawn(first, others, { env: { ...process.env, ...environment } })
}

/** Starts `serve` on a directory, or on what the flags and variables name, and waits until it says where it listens. It is ended with the test at the latest. */
export async function startServer (t: Test, directory: string | undefined, flags: readonly string[] = [], environment: Record<string, string> = {}, prefix: readonly string[] = []): Promise<ServerProcess> {
  const child = spawnCommand(['serve', ...directory === undefined ? [] : ['--data', directory], '--host', '127.0.0.1', '--port', '0', ...flags], { ADMIN_USER: 'admin', ADMIN_PASSWORD: password, ...environment }, prefix)
  child.stdin.end()
  t.teardown(() => { child.kill('SIGKILL') })
  let printed = ''
  const origin = await new Promise<string>((resolve, reject) => {
    const look = (chunk: Buffer): void => {
      printed += chunk.toString()
      // Not the log's line about it: that comes before signals are listened to, and from each worker.
      const [, address] = /fastify-cdmi is at (https?:\/\/\S+:\d+)\/ /.exec(printed) ?? []
      if (address !== undefined) resolve(address)
    }
    child.stdout.on('data', look)
    child.stderr.on('data', look)
    child.once('exit', code => { reject(new Error(`the server ended with ${code} at its start: ${printed}`)) })
  })
  const exited = once(child, 'exit')
  return {
    origin,
    authorization: 'Basic ' + Buffer.from(`admin:${password}`).toString('base64'),
    child,
    output: () => printed,
    async stop (signal = 'SIGTERM') {
      child.kill(signal)
      const [code] = await exited as [number | null]
      return code
    },
    async kill () {
      child.kill('SIGKILL')
      await exited
    },
    residentMemory () {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024
    }
  }
}

/** Runs a command of the command line to its end. */
export async function runCommand (args: readonly string[], environment: Record<string, string> = {}, input = ''): Promise<{ code: number | null, stdout: string, stderr: string }> {
  const child = spawnCommand(args, environment)
  const printed = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => { printed.stdout += chunk.toString() })
  child.stderr.on('data', (chunk: Buffer) => { printed.stderr += chunk.toString() })
  child.stdin.end(input)
  const [code] = await once(child, 'close') as [number | null]
  return { code, ...printed }
}
