/** Who may log in to the stand-alone server: the users file, the user of the environment, and, at the first start, one that is made. */
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { createAuthenticator, type Authenticator } from '../plugins/authenticator.js'
import { generatePassword, hashPassword } from '../plugins/password.js'
import { changeUsers, openUsersFile } from '../plugins/users-file.js'
import type { ServerConfig } from '../schemas/config.js'
import { makeDirectory } from '../storage/files/make-directory.js'
import { ConfigError } from './config-sources.js'

export interface FirstUser {
  readonly name: string
  /** To be shown once, and to nobody but the operator. */
  readonly password: string
  readonly file: string
}

/** Name of the user when the configuration has none. */
export const defaultAdmin = 'admin'

/**
 * Makes the users file of a new store, with one user, unless others are configured; undefined when there was nothing to do. A store without a directory has
 * no users of its own: throws ConfigError when the configuration has none either.
 */
export async function makeFirstUser (config: ServerConfig, directory: string | undefined): Promise<FirstUser | undefined> {
  if (directory === undefined) {
    if (config.adminPassword === undefined && config.users === undefined && (config.anonymous ?? 'none') === 'none') throw new ConfigError('Nobody could log in: a store in a database has no users file of its own; name one with users (--users, CDMI_USERS), or set ADMIN_PASSWORD')
    return undefined
  }
  const file = join(directory, 'users.json')
  if (config.adminPassword !== undefined || config.users !== undefined || await exists(file)) return undefined
  const name = config.adminUser ?? defaultAdmin
  const password = generatePassword()
  const hash = await hashPassword(password)
  await makeDirectory(directory)
  await changeUsers(file, users => users.length > 0 ? users : [{ name, hash, access: 'write' }])
  return { name, password, file }
}

/** `warn` is told when the users file cannot be read any more. Throws UsersFileError and OptionError. */
export async function serverAuthenticator (config: ServerConfig, directory: string | undefined, warn: (message: string) => void): Promise<Authenticator> {
  const { adminUser: name = defaultAdmin, adminPassword: password } = config
  // The file in the directory of the store may come later, when somebody adds a user; one that the operator names must be there.
  const ownFile = directory === undefined ? undefined : join(directory, 'users.json')
  const source = config.users !== undefined ? await openUsersFile(config.users, warn) : ownFile === undefined ? undefined : await openUsersFile(ownFile, warn, [])
  return createAuthenticator({ users: password === undefined ? [] : [{ name, password, access: 'write' }], source })
}

async function exists (file: string): Promise<boolean> {
  return await access(file).then(() => true, () => false)
}
