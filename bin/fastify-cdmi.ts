#!/usr/bin/env node
/** The command line: `fastify-cdmi serve`, `sweep`, `migrate`, `audit`, `transfer`, `verify`, `repair`, `backup`, `restore`, `export`, `import`, `user`. Exit codes: 0 done, 1 it did not work, 2 wrong options or configuration, 3 a store, a source or a backup is damaged, objects were left out, or something is to be migrated, 4 it is done but for what is damaged. */
import { run } from './run.js'

// Who reads what is printed may go away (`--help | head`, a log that is collected): no reason to fall, least of all for a server.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => { if (error.code !== 'EPIPE') throw error })
}

const code = await run(process.argv.slice(2), {
  out (text) { process.stdout.write(text) },
  err (text) { process.stderr.write(text) }
})
if (code !== 0) process.exitCode = code
