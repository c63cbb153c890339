import { staleness } from './tested-command.js'

/** The command line: as `npm test` has it made and as it is handed out, in few modules; else as it was compiled last. */
export const commandLine = process.env['TESTED_COMMAND'] ?? 'build/bin/fastify-cdmi.js'
const stale = staleness(commandLine)
// What such a test would say is said of another program than the one that it is about.
if (stale !== undefined) throw new Error(stale)

/**
 * For `spawn(...plainNode(file), options)`: Node in a process of its own, as a user starts it. By way of env(1), which becomes that process: the
 * test runner has Node load its own code into every process that a test starts, and into its threads, which makes a start four times as long.
 */
export function plainNode (...args: readonly string[]): [command: string, args: string[]] {
  return ['env', ['NODE_OPTIONS=', process.execPath, ...args]]
}
