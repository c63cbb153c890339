/** A command in the process of the test: for help and refusals, where a process of its own would prove no more and cost half a second. */
import { run } from '../../bin/run.js'

/** What commands print themselves is not caught, and standard input is not theirs: only for what is refused before that. Not for two at once. */
export async function runInProcess (args: readonly string[], environment: Record<string, string> = {}): Promise<{ code: number, stdout: string, stderr: string }> {
  const before = { ...process.env }
  const printed = { stdout: '', stderr: '' }
  Object.assign(process.env, environment)
  try {
    const code = await run(args, { out (text) { printed.stdout += text }, err (text) { printed.stderr += text } })
    return { code, ...printed }
  } finally {
    for (const name of Object.keys(environment)) {
      if (before[name] === undefined) Reflect.deleteProperty(process.env, name)
      else process.env[name] = before[name]
    }
  }
}
