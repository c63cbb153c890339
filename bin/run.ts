/** Runs one command of the command line, and says how it went. */
import { CommanderError, type Command } from 'commander'
import { hideSecrets } from '../server/url-secrets.js'
import { commandLine } from './command-line.js'
import { exitCodeOf, sentenceOf } from './failure.js'

/** Where help and complaints go. */
export interface Output {
  out (text: string): void
  err (text: string): void
}

/** `args`: what follows the name of the program. Answers the exit code: 0 done, 1 it did not work, 2 wrong options or configuration, 3 and 4 as the command says. */
export async function run (args: readonly string[], output: Output): Promise<number> {
  const program = commandLine()
  redirect(program, output)
  try {
    await program.parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    // Commander has said its own errors already, and help and version are none.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    output.err(hideSecrets(`fastify-cdmi: ${sentenceOf(error)}\n`))
    return exitCodeOf(error)
  }
}

function redirect (command: Command, output: Output): void {
  command.configureOutput({ writeOut: text => { output.out(text) }, writeErr: text => { output.err(hideSecrets(text)) } })
  for (const one of command.commands) redirect(one, output)
}
