// Makes what the package hands out, in dist/ or in the directory that is named: the library in its modules with their types, and the command line in few. `npm install` runs it (as
// `prepare`) in a clone; an installed package brings it along. Types are checked by `npm run typecheck`, which `npm test` and `npm publish` begin with.
import { execFileSync } from 'node:child_process'
import { chmodSync, renameSync, rmSync } from 'node:fs'
import { compile } from './compile.mjs'
import { keepLibrary } from './keep-library.mjs'

const [directory = 'dist'] = process.argv.slice(2)
const run = (...args) => execFileSync(process.execPath, args, { stdio: 'inherit' })

rmSync(directory, { recursive: true, force: true })
compile('-p', 'tsconfig.build.json', '--noCheck', '--outDir', directory)
run('scripts/bundle-typebox.mjs', directory)
run('scripts/bundle-command.mjs', directory, `${directory}/command`)
await keepLibrary(directory, `${directory}/command`)
renameSync(`${directory}/command`, `${directory}/bin`)
chmodSync(`${directory}/bin/fastify-cdmi.js`, 0o755)
