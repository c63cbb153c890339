/** Processes of their own for tests of the embedded store. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { plainNode } from '../helpers/plain-node.js'

export interface Child {
  readonly process: ChildProcess
  /** Complete lines that it printed. */
  readonly lines: string[]
  /** Resolves when it has printed so many lines, or has ended. */
  printed (count: number): Promise<void>
  /** Resolves when it has ended and all that it printed was read. */
  readonly ended: Promise<void>
}

export function childFile (name: string): string {
  return fileURLToPath(new URL(`./children/${name}.js`, import.meta.url))
}

/** Starts a command; it is killed with the test at the latest. */
export function start (t: Test, command: string, args: readonly string[]): Child {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  const lines: string[] = []
  const closed = once(child, 'close')
  const reader = createInterface({ input: child.stdout })
  reader.on('line', line => { lines.push(line) })
  const ended = Promise.all([closed, once(reader, 'close')]).then(() => {})
  return {
    process: child,
    lines,
    ended,
    async printed (count) {
      while (lines.length < count && child.exitCode === null && child.signalCode === null) await Promise.race([once(reader, 'line'), ended])
    }
  }
}

export function startNode (t: Test, name: string, ...args: readonly string[]): Child {
  return start(t, ...plainNode(childFile(name), ...args))
}
