/**
 * A shell for the drills of the manual, which types one line at a time: commands of ours and the server run in this process, so that they cost no start of
 * their own, and all else is done by sh(1). What a line prints is answered, with its exit code.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { run } from '../../../bin/run.js'
import { buildServer, type BuiltServer } from '../../../server.js'

export interface Typed {
  readonly line: string
  readonly directory: string
  readonly environment: Readonly<Record<string, string>>
}

export interface Answered {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** Of the server that runs now. */
  readonly origin?: string | undefined
}

const machine = 'new-machine'
let server: BuiltServer | undefined
let origin: string | undefined

async function start (directory: string): Promise<void> {
  server = await buildServer({ data: join(directory, 'data'), host: '127.0.0.1', port: 0, drainTimeout: 1 }, { log: { write () {} } })
  origin = await server.listen()
}

async function ours (args: readonly string[], directory: string): Promise<Answered> {
  const printed = { stdout: '', stderr: '' }
  const before = { stdout: process.stdout.write, stderr: process.stderr.write }
  process.stdout.write = text => { printed.stdout += text.toString(); return true }
  process.stderr.write = text => { printed.stderr += text.toString(); return true }
  process.chdir(directory)
  try {
    const code = await run(args, { out (text) { printed.stdout += text }, err (text) { printed.stderr += text } })
    return { code, ...printed }
  } finally {
    process.stdout.write = before.stdout
    process.stderr.write = before.stderr
  }
}

async function shell ({ line, directory, environment }: Typed): Promise<Answered> {
  const child = spawn('/bin/sh', ['-e', '-c', line.replaceAll('http://localhost:6375', origin ?? '')], { cwd: directory, env: { ...process.env, NODE_OPTIONS: '', ...environment }, stdio: ['ignore', 'pipe', 'pipe'] })
  const printed = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => { printed.stdout += chunk.toString() })
  child.stderr.on('data', (chunk: Buffer) => { printed.stderr += chunk.toString() })
  const [code] = await once(child, 'close') as [number | null]
  return { code: code ?? -1, ...printed }
}

async function type (typed: Typed): Promise<Answered> {
  const { directory } = typed
  const [program = '', ...args] = typed.line.split(/\s+/)
  if (program === 'ssh' && args[0] === machine) return await type({ ...typed, line: args.slice(1).join(' '), directory: join(directory, machine) })
  if (program === 'fastify-cdmi') return await ours(args, directory)
  if (program !== 'systemctl') return await shell(typed)
  if (args[0] === 'start') {
    await start(directory)
  } else {
    await server?.close()
    server = origin = undefined
  }
  return { code: 0, stdout: '', stderr: '' }
}

process.on('message', (typed: Typed) => {
  type(typed).then(answered => { process.send?.({ ...answered, origin }) }, (error: unknown) => {
    process.send?.({ code: -1, stdout: '', stderr: error instanceof Error ? String(error.stack) : String(error), origin })
  })
})
process.on('disconnect', () => { process.exit() })
process.send?.('ready')
