/** `fastify-cdmi user …`: the users file, changed while nobody else changes it. */
import { dirname, join } from 'node:path'
import type { HashedUser } from '../plugins/authenticator.js'
import { generatePassword, hashPassword } from '../plugins/password.js'
import { changeUsers, readUsers } from '../plugins/users-file.js'
import { defaultDirectory } from '../server/store-config.js'
import { makeDirectory } from '../storage/files/make-directory.js'
import { configOf, type Flags } from './config-flags.js'
import { UsageError } from './failure.js'
import { askPassword } from './ask-password.js'

/** The file that a server with the same options would use. */
function usersFile (flags: Flags): string {
  const { users, data = defaultDirectory, meta } = configOf(flags)
  if (users === undefined && meta !== undefined) throw new UsageError('A store in a database has no users file of its own: name the file with --users')
  return users ?? join(data, 'users.json')
}

const sameName = (name: string) => (user: HashedUser): boolean => user.name.normalize('NFC') === name

export async function addUser (given: string, flags: Flags): Promise<void> {
  const name = checkedName(given)
  const file = usersFile(flags)
  // Before a password is asked for.
  if ((await readUsers(file, [])).some(sameName(name))) throw alreadyThere(name)
  const hash = await newHash(name, flags)
  await makeDirectory(dirname(file), 0o700)
  await changeUsers(file, users => {
    if (users.some(sameName(name))) throw alreadyThere(name)
    return [...users, { name, hash, access: flags['readOnly'] === true ? 'read' : 'write' }]
  })
  process.stdout.write(`${name} is in ${file}.\n`)
}

export async function changePassword (given: string, flags: Flags): Promise<void> {
  const name = given.normalize('NFC')
  const file = usersFile(flags)
  if (!(await readUsers(file)).some(sameName(name))) throw notThere(name, file)
  const hash = await newHash(name, flags)
  await changeUsers(file, users => {
    if (!users.some(sameName(name))) throw notThere(name, file)
    return users.map(user => sameName(name)(user) ? { ...user, hash } : user)
  })
  process.stdout.write(`${name} has a new password.\n`)
}

export async function removeUser (given: string, flags: Flags): Promise<void> {
  const name = given.normalize('NFC')
  const file = usersFile(flags)
  await readUsers(file)
  await changeUsers(file, users => {
    const others = users.filter(user => !sameName(name)(user))
    if (others.length === users.length) throw notThere(name, file)
    return others
  })
  process.stdout.write(`${name} is no longer in ${file}.\n`)
}

export async function listUsers (flags: Flags): Promise<void> {
  const users = await readUsers(usersFile(flags))
  for (const { name, access } of users) process.stdout.write(`${name}\t${access}\n`)
}

// eslint-disable-next-line no-control-regex
const unprintable = /[\u0000-\u001f\u007f-\u009f]/

function checkedName (given: string): string {
  const name = given.normalize('NFC')
  if (name === '' || name.includes(':') || unprintable.test(name)) throw new UsageError('A name is not empty and has neither ":" nor control characters, for Basic authentication has no way to send them')
  return name
}

function alreadyThere (name: string): UsageError {
  return new UsageError(`There is a user ${name} already; "fastify-cdmi user passwd ${name}" gives a new password`)
}

function notThere (name: string, file: string): UsageError {
  return new UsageError(`There is no user ${name} in ${file}`)
}

async function newHash (name: string, flags: Flags): Promise<string> {
  if (flags['generate'] !== true) return await hashPassword(await askPassword(`Password for ${name}: `))
  const password = generatePassword()
  process.stdout.write(`The password of ${name}, shown only now: ${password}\n`)
  return await hashPassword(password)
}
