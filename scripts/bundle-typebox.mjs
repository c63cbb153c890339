// Puts TypeBox into the one compiled module that hands it out: `node scripts/bundle-typebox.mjs dist`. May be done again.
import { readFileSync } from 'node:fs'
import { build } from 'esbuild'

const [directory] = process.argv.slice(2)
const file = `${directory}/schemas/typebox.js`
// It is handed out with the package, so its licence goes with it.
const licence = readFileSync('node_modules/typebox/license', 'utf8').trim()
await build({ entryPoints: [file], outfile: file, allowOverwrite: true, bundle: true, format: 'esm', platform: 'node', target: 'node20', legalComments: 'none', banner: { js: `/*! TypeBox\n\n${licence}\n*/` }, logLevel: 'warning' })
