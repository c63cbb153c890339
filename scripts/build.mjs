// Compiles the library to dist/. `npm install` runs it (as `prepare`) in a clone; an installed package brings dist/ along. Types are checked by
// `npm run typecheck`, which `npm test` and `npm publish` begin with.
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'

rmSync('dist', { recursive: true, force: true })
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--noCheck'], { stdio: 'inherit' })
execFileSync(process.execPath, ['scripts/bundle-typebox.mjs', 'dist'], { stdio: 'inherit' })
execFileSync(process.execPath, ['scripts/bundle-command.mjs', 'dist', 'dist/bin'], { stdio: 'inherit' })
if (existsSync('dist/bin/fastify-cdmi.js')) chmodSync('dist/bin/fastify-cdmi.js', 0o755)
