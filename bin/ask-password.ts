/** A password from the person at the terminal, unseen and twice, or from standard input, once. Never from the command line: others can read that. */
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { UsageError } from './failure.js'

/** Throws UsageError when none is given, or two different ones. */
export async function askPassword (prompt: string): Promise<string> {
  if (!process.stdin.isTTY) return checked(await firstLine())
  const password = checked(await unseenLine(prompt))
  if (await unseenLine('Once more: ') !== password) throw new UsageError('The two passwords differ; nothing was changed')
  return password
}

function checked (password: string): string {
  if (password === '') throw new UsageError('A password must not be empty; nothing was changed')
  return password
}

async function firstLine (): Promise<string> {
  const lines = createInterface({ input: process.stdin, crlfDelay: Infinity })[Symbol.asyncIterator]()
  const { done, value } = await lines.next()
  return done === true ? '' : value
}

/** readline echoes what is typed to its output: here that goes nowhere. */
async function unseenLine (prompt: string): Promise<string> {
  process.stderr.write(prompt)
  const nowhere = new Writable({ write (_chunk, _encoding, done) { done() } })
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true, historySize: 0 })
  try {
    return await new Promise<string>((resolve, reject) => {
      terminal.once('SIGINT', () => { reject(new UsageError('Nothing was changed')) })
      terminal.once('close', () => { reject(new UsageError('Nothing was changed')) })
      terminal.question('', resolve)
    })
  } finally {
    terminal.close()
    process.stderr.write('\n')
  }
}
