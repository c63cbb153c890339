// Puts what the command line is made of into few modules: `node scripts/bundle-command.mjs build build/command`, after bundle-typebox.mjs. To find and read
// three hundred of them is a fifth of what a server needs to start. The library is left in its modules, and so are packages.
import { rmSync } from 'node:fs'
import { build } from 'esbuild'

const [from, to] = process.argv.slice(2)
rmSync(to, { recursive: true, force: true })
await build({
  // With what they start in processes and threads of their own, which they look for beside themselves.
  entryPoints: [`${from}/bin/fastify-cdmi.js`, `${from}/bin/verify-child.js`, `${from}/storage/embedded/writer-thread.js`],
  outdir: to,
  entryNames: '[name]',
  chunkNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  packages: 'external',
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // Traces name the sources, which are not handed out.
  sourcemap: true,
  sourcesContent: false,
  legalComments: 'inline',
  logLevel: 'warning'
})
