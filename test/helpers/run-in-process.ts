/** A command in the process of the test: a process of its own takes half a second and more to load what is loaded here already. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { run } from '../../bin/run.js'

interface Printed { stdout: string, stderr: string }

/** What a command writes is told from what the test itself writes, its results, by who is at work. */
const commands = new AsyncLocalStorage<Printed>()
const streams = ['stdout', 'stderr'] as const
let watching = false

function watch (): void {
  if (watching) return
  watching = true
  for (const name of streams) {
    const stream = process[name]
    const { write } = stream
    stream.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
      const printed = commands.getStore()
      if (printed === undefined) return Boolean(Reflect.apply(write, stream, [chunk, ...rest]))
      printed[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1')
      for (const done of rest) if (typeof done === 'function') queueMicrotask(() => { done() })
      return true
    }
  }
}

/** Standard input is not its own, nor are signals. Not for two at once, for the environment is shared. Bytes that are no text are as in Latin-1. */
export async function runInProcess (args: readonly string[], environment: Record<string, string> = {}): Promise<{ code: number } & Printed> {
  watch()
  const before = { ...process.env }
  const printed: Printed = { stdout: '', stderr: '' }
  Object.assign(process.env, environment)
  try {
    const code = await commands.run(printed, async () => await run(args, { out (text) { printed.stdout += text }, err (text) { printed.stderr += text } }))
    return { code, ...printed }
  } finally {
    for (const name of Object.keys(environment)) {
      if (before[name] === undefined) Reflect.deleteProperty(process.env, name)
      else process.env[name] = before[name]
    }
  }
}
