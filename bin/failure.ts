/** How a command that failed says so: one sentence, and a number for scripts. */
import { UsersFileError } from '../plugins/users-file.js'
import { OptionError } from '../schemas/check-options.js'
import { ConfigError } from '../server/config-sources.js'
import { TreeError } from '../server/trees/tree-error.js'
import { DamagedBackup } from '../storage/backup/damaged-backup.js'
import { StorageError } from '../storage/contract.js'

/** What was typed cannot be done, whoever else does what. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The workers cannot do their work. */
export class WorkerError extends Error {
  override readonly name = 'WorkerError'
}

/** Somebody wanted a long command to end. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError'
  constructor (what = 'The transfer was interrupted; run the same command again to go on with it') { super(what) }
}

/** A transfer cannot come to its end. */
export class DamagedSourceError extends Error {
  override readonly name = 'DamagedSourceError'
  /** `all`: not one was as it should be. */
  constructor (count: number, all: boolean) {
    const found = count === 1 ? 'A blob of the source is not what was written, and was not copied' : `${count} blobs of the source are not what was written, and were not copied`
    const advice = all ? 'No blob at all was found as it should be: is that the place of the values? If it is, bring' : 'Bring'
    const last = all ? '' : '; or move everything else with --skip-damaged'
    super(`${found}; the target is not finished. ${advice} the values back from a backup, or delete the objects, and run the same command again${last}`)
  }
}

/** A transfer cannot come to its end, for some of what the source says of itself and of its objects cannot be read. */
export class UnreadableSourceError extends Error {
  override readonly name = 'UnreadableSourceError'
  /** `passable`: all else can be moved without it. */
  constructor (cause: Error, passable: boolean) { super(`${cause.message}; the target is not finished. "fastify-cdmi verify" names all that is damaged in the source, "fastify-cdmi repair" mends it${passable ? '; or move all else with --skip-damaged' : ''}`, { cause }) }
}

/** A transfer has come to its end without values that were damaged, as it was told to. */
export class LostValuesError extends Error {
  override readonly name = 'LostValuesError'
  constructor (count: number) { super(`The target is finished, without ${count === 1 ? 'the value of one object that is' : `the values of ${count} objects that are`} damaged in the source`) }
}

/** A look at a store has found damage. */
export class DamagedStoreError extends Error {
  override readonly name = 'DamagedStoreError'
}

/** A backup of a store cannot be made, for some of it cannot be read. */
export class UnreadableStoreError extends Error {
  override readonly name = 'UnreadableStoreError'
  /** `skipped`: all that can be passed over was. */
  constructor (cause: Error, skipped: boolean) { super(`${cause.message}. There is no new backup: "fastify-cdmi verify" names all that is damaged, "fastify-cdmi repair" mends it${skipped ? '' : '; or back up all else with --skip-damaged'}`, { cause }) }
}

/** It was done without what is damaged, as it was told to. */
export class SkippedDamageError extends Error {
  override readonly name = 'SkippedDamageError'
}

/** All was done but for some objects; which they are has been said. */
export class LeftOutError extends Error {
  override readonly name = 'LeftOutError'
}

/** A look has found something to do: for scripts. */
export class PendingMigrationsError extends Error {
  override readonly name = 'PendingMigrationsError'
  constructor (schema: string) { super(`The store in schema ${schema} is not up to date; without --dry-run this is done`) }
}

const foreseen = [ConfigError, OptionError, UsageError, UsersFileError, StorageError, WorkerError, InterruptedError, DamagedSourceError, DamagedStoreError, LeftOutError, LostValuesError, SkippedDamageError, UnreadableSourceError, UnreadableStoreError, TreeError, PendingMigrationsError] as const

const systemErrors: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is in use: another server listens there, or choose another port with --port',
  EADDRNOTAVAIL: 'this machine does not have the address that --host names',
  ENOTFOUND: 'the name that --host gives has no address',
  EACCES: 'the system does not allow it; ports below 1024 and foreign directories need more rights'
}

/** 2 when another command line or configuration would help, 3 when a store, a source or a backup is damaged, objects were left out, or migrations are to be done, 4 when a transfer or a backup has left behind what is damaged, 1 otherwise. */
export function exitCodeOf (error: unknown): number {
  if (error instanceof LostValuesError || error instanceof SkippedDamageError) return 4
  if (error instanceof LeftOutError || error instanceof DamagedBackup || error instanceof DamagedSourceError || error instanceof DamagedStoreError || error instanceof UnreadableSourceError || error instanceof UnreadableStoreError || error instanceof PendingMigrationsError) return 3
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
