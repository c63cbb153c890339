/** How a command that failed says so: one sentence, and a number for scripts. */
import { UsersFileError } from '../plugins/users-file.js'
import { OptionError } from '../schemas/check-options.js'
import { ConfigError } from '../server/config-sources.js'
import { StorageError } from '../storage/contract.js'

/** What was typed cannot be done, whoever else does what. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The workers cannot do their work. */
export class WorkerError extends Error {
  override readonly name = 'WorkerError'
}

const foreseen = [ConfigError, OptionError, UsageError, UsersFileError, StorageError, WorkerError] as const

const systemErrors: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is in use: another server listens there, or choose another port with --port',
  EADDRNOTAVAIL: 'this machine does not have the address that --host names',
  ENOTFOUND: 'the name that --host gives has no address',
  EACCES: 'the system does not allow it; ports below 1024 and foreign directories need more rights'
}

/** 2 when another command line or configuration would help, 1 otherwise. */
export function exitCodeOf (error: unknown): number {
  return error instanceof ConfigError || error instanceof OptionError || error instanceof UsageError ? 2 : 1
}

/** For the operator. A stack only for what nobody foresaw: that is a defect to be reported. */
export function sentenceOf (error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (foreseen.some(Kind => error instanceof Kind)) return error.message
  const { code } = error as NodeJS.ErrnoException
  const known = code === undefined ? undefined : systemErrors[code]
  return known === undefined ? (error.stack ?? error.message) : `${error.message}: ${known}`
}
