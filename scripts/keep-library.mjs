// Leaves of what was compiled the modules that who imports the library may load, and the types that they see. The rest is in the modules of the command line.
import { readdirSync, readFileSync, rmSync, rmdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { build } from 'esbuild'
import ts from 'typescript'

/** The first, and what it starts in a thread of its own, which it looks for beside the module that does so. */
const entries = ['index.js', 'storage/embedded/writer-thread.js']

/** Removes from `directory` what is neither a module or a type of the library nor below `spared`. */
export async function keepLibrary (directory, spared) {
  const { metafile } = await build({ entryPoints: entries.map(entry => join(directory, entry)), outdir: directory, bundle: true, splitting: true, write: false, metafile: true, packages: 'external', format: 'esm', platform: 'node', logLevel: 'warning' })
  const kept = new Set([...Object.keys(metafile.inputs).map(file => relative('.', file)), ...declarationsFrom(join(directory, 'index.d.ts'))])
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const file = relative('.', join(entry.parentPath, entry.name))
    if (!entry.isFile() || file.startsWith(`${relative('.', spared)}/`)) continue
    if (!kept.has(file)) rmSync(file)
    // Sources are not handed out. A compiled module has their names and their text, without types: a trace says what it has to without a map.
    else if (file.endsWith('.js')) writeFileSync(file, readFileSync(file, 'utf8').replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n'))
  }
  removeEmpty(directory)
}

function declarationsFrom (file, found = new Set()) {
  if (found.has(file)) return found
  found.add(file)
  for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles) if (fileName.startsWith('.')) declarationsFrom(join(dirname(file), fileName.replace(/\.js$/, '.d.ts')), found)
  return found
}

function removeEmpty (directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) if (entry.isDirectory()) removeEmpty(join(directory, entry.name))
  if (readdirSync(directory).length === 0) rmdirSync(directory)
}
