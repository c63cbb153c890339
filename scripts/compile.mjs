// The compiler, in version 7: it takes less than half of the processor time of version 5, which is here too, for what loads a compiler as a library (the linter's
// parser, keep-library.mjs). Both call their command `tsc`, so that `npx tsc` may be either.
import { execFileSync } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const compiler = createRequire(import.meta.url).resolve('typescript-7/package.json').replace(/package\.json$/, 'bin/tsc')

/** Compiles, and ends this process with the compiler's code where it has found something. */
export function compile (...args) {
  try {
    execFileSync(process.execPath, [compiler, ...args], { stdio: 'inherit' })
  } catch (error) {
    process.exit(error.status ?? 1)
  }
}

if (import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) compile(...process.argv.slice(2))
