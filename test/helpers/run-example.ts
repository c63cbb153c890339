/** The programs of the manual, run as a reader would. */
import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import { plainNode } from './plain-node.js'

/** The example, as it stands but for where it finds the package, its directory and its port; `more` is added at its end. Answers the process. */
export function runExample (t: Test, example: string, more = ''): ChildProcess {
  const directory = t.testdir()
  const code = example
    .replace("'fastify-cdmi'", JSON.stringify(pathToFileURL('build/index.js')))
    .replace("from 'fastify'", `from ${JSON.stringify(pathToFileURL('node_modules/fastify/fastify.js'))}`)
    .replace("'./data'", JSON.stringify(join(directory, 'data')))
    .replace('port: 3000', "port: 0, host: '127.0.0.1'")
  t.not(code, example)
  const file = join(directory, 'example.mjs')
  writeFileSync(file, code + more)
  const child = spawn(...plainNode(file), { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  return child
}
