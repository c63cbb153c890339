// Puts TypeBox into the one compiled module that hands it out: `node scripts/bundle-typebox.mjs dist`. May be done again.
import { build } from 'esbuild'

const [directory] = process.argv.slice(2)
const file = `${directory}/schemas/typebox.js`
await build({ entryPoints: [file], outfile: file, allowOverwrite: true, bundle: true, format: 'esm', platform: 'node', target: 'node20', legalComments: 'inline', logLevel: 'warning' })
