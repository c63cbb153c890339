/** The command line that tests start: whether it is the one of the modules that were compiled last. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** What stands beside the bundled command line in `build/`, and is not what it is made of. */
const others = new Set(['test', 'test-groups', 'bench', 'examples', 'services', 'packed'])

/** What is wrong with it, and what to do; undefined where it is up to date, or made of nothing that is here. */
export function staleness (command: string): string | undefined {
  const compiled = dirname(dirname(command))
  if (!existsSync(join(compiled, 'bin/fastify-cdmi.js')) || dirname(command) === join(compiled, 'bin')) return undefined
  const made = existsSync(command) ? statSync(command).mtimeMs : 0
  const newer = modulesIn(compiled, new Set([...others, dirname(command).slice(compiled.length + 1)])).find(file => statSync(file).mtimeMs > made)
  return newer === undefined ? undefined : `${command} is ${made === 0 ? 'not there' : `older than ${newer}`}: "npm run build:test" makes it`
}

function modulesIn (directory: string, passed: ReadonlySet<string>): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap(entry => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return passed.has(entry.name) ? [] : modulesIn(path, new Set())
    return path.endsWith('.js') ? [path] : []
  })
}
