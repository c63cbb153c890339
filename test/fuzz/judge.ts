/** What an answer must not be, whatever was asked: the oracle, as far as it can be told from bytes. */
import type { Answers } from './answers.js'

/** What must be in no answer. */
export interface Secrets {
  /** Directories of the server: of its store, of its code, of its temporary files. */
  readonly paths: readonly string[]
  /** Other texts, such as hashes of passwords. */
  readonly texts: readonly string[]
}

/** Statuses above 500 that say what they should: not offered, too busy, no space. */
const allowed: ReadonlySet<number> = new Set([501, 503, 507])

/** What is wrong with these answers; nothing where nothing is. */
export function complaintsAbout ({ answers, wrong }: Answers, secrets: Secrets): string[] {
  return [
    ...wrong === undefined ? [] : [`the answer is broken: ${wrong}`],
    ...answers.flatMap(({ status, headers, body }) => [
      ...complaintAboutStatus(status),
      ...headers.some(([name]) => name === 'x-injected') ? ['the request has put a line into the header of its answer'] : [],
      ...leaksIn(headers.map(([name, value]) => `${name}: ${value}`).join('\n') + '\n' + body.toString('latin1'), secrets)
    ])
  ]
}

/** For an HTTP answer, and for what a socket answers. */
export function complaintAboutStatus (status: number): string[] {
  if (status >= 200 && status < 500) return []
  return allowed.has(status) ? [] : [`status ${status}`]
}

/** A line of a stack trace, a file of Node or of a package, or a file with a number of a line. */
const trace = /\n?\s+at (?:async )?[\w.<>[\] ]+ \(?[^\s)]+:\d+:\d+\)?|node:internal|node_modules|\w\.[jt]s:\d+|Error: [^\n]*\n\s+at /
/** What files of the machine begin with that a path must never lead to. */
const files = /root:x:0:0:|PRIVATE KEY-----/

export function leaksIn (text: string, { paths, texts }: Secrets): string[] {
  const found = trace.exec(text) ?? files.exec(text)
  return [
    ...found === null ? [] : [`a stack trace, or a file of the machine: ${JSON.stringify(found[0])}`],
    ...paths.filter(path => text.includes(path)).map(path => `a path of the disk: ${path}`),
    ...texts.filter(secret => text.includes(secret)).map(() => 'a secret of the server')
  ]
}
