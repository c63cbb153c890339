#!/usr/bin/env node
/** The command line: `fastify-cdmi serve`, `sweep`, `user`. Exit codes: 0 done, 1 it did not work, 2 wrong options or configuration. */
import { CommanderError } from 'commander'
import { commandLine } from './command-line.js'
import { exitCodeOf, sentenceOf } from './failure.js'

// Who reads what is printed may go away (`--help | head`, a log that is collected): no reason to fall, least of all for a server.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => { if (error.code !== 'EPIPE') throw error })
}

try {
  await commandLine().parseAsync(process.argv)
} catch (error) {
  // Commander has said its own errors already, and help and version are none.
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2
  } else {
    process.stderr.write(`fastify-cdmi: ${sentenceOf(error)}\n`)
    process.exitCode = exitCodeOf(error)
  }
}
