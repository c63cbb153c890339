/** The commands and what their `--help` teaches. Options come from the schema of the configuration, so that they cannot differ from it. */
import { Command, Option } from 'commander'
import { version } from '../server/version.js'
import { addConfigOptions, type Flags } from './config-flags.js'

/** The parser. Errors are thrown, not exited with. A command's own code is loaded when it is the one that runs: a server takes long to load. */
export function commandLine (): Command {
  const program = new Command('fastify-cdmi')
    .description('An object store: CDMI, plain HTTP, form upload, keyed JSON and sockets over one durable store.')
    .version(version)
    .showHelpAfterError('Try --help.')
    .exitOverride()

  addConfigOptions(program.command('serve').copyInheritedSettings(program))
    .description('Serve a store over HTTP or HTTPS until SIGTERM or SIGINT.')
    .addHelpText('after', serveHelp)
    .action(async (flags: Flags) => { await (await import('./serve.js')).serve(flags) })

  addConfigOptions(program.command('sweep').copyInheritedSettings(program), ['data', 'meta', 'blobs', 'trashGrace'])
    .description('Remove what failed uploads and deleted objects left behind. A running server does it by itself; this is for a store at rest, or in a database.')
    .addHelpText('after', sweepHelp)
    .action(async (flags: Flags) => { await (await import('./sweep.js')).sweep(flags) })

  addConfigOptions(program.command('migrate').copyInheritedSettings(program), ['meta'])
    .description('Make the tables of a store in a database, or bring them up to date. A server does it at its start, unless it has --migrate false.')
    .addOption(new Option('--dry-run', 'Only tell what is to be done; the exit code is 3 when that is something.'))
    .addHelpText('after', migrateHelp)
    .action(async (flags: Flags) => { await (await import('./migrate.js')).migrateCommand(flags) })

  addConfigOptions(program.command('audit').copyInheritedSettings(program), ['data', 'meta'])
    .description('Print who has done what to which object, from where and when: the change log of a store, line by line. Works while servers have the store open.')
    .addOption(new Option('--since <time>', 'Only what was done at this time or later: a date, or how long ago (90m, 12h, 7d).'))
    .addOption(new Option('--until <time>', 'Only what was done before this time.'))
    .addOption(new Option('--object <path|id>', 'Only what was done to this object; a path that ends in a slash stands for all below it, too.'))
    .addOption(new Option('--user <name>', 'Only what this user has done.'))
    .addOption(new Option('--json', 'Print each entry as a line of JSON.'))
    .addHelpText('after', auditHelp)
    .action(async (flags: Flags) => { await (await import('./audit.js')).audit(flags) })

  program.command('transfer').copyInheritedSettings(program)
    .description('Move a whole store into an empty one, between a directory, PostgreSQL with S3 and PostgreSQL with files. No server may have either open.')
    .addOption(new Option('--from <store>', 'The store: a directory (a path or a file:// URL), or the postgres:// URL of its records. [env: TRANSFER_FROM]'))
    .addOption(new Option('--from-blobs <url>', 'Where the longer values of a postgres:// store are: s3://bucket/prefix or file:///directory. [env: TRANSFER_FROM_BLOBS]'))
    .addOption(new Option('--to <store>', 'Where it moves: a directory or a postgres:// URL, with nothing there yet. [env: TRANSFER_TO]'))
    .addOption(new Option('--to-blobs <url>', 'Where longer values are put if that is a postgres:// URL: s3://bucket/prefix or file:///directory. [env: TRANSFER_TO_BLOBS]'))
    .addOption(new Option('--skip-damaged', 'Come to an end though the source is damaged: objects whose values are move without them, what cannot be read is left out. Each is named; the exit code is 4.'))
    .addOption(new Option('--json', 'Print the result as one line of JSON.'))
    .addHelpText('after', transferHelp)
    .action(async (flags: Flags) => { await (await import('./transfer.js')).transferCommand(flags) })

  addConfigOptions(program.command('verify').copyInheritedSettings(program), ['data', 'meta', 'blobs'])
    .description('Look whether a store is sound: records, names, values, change log. A server may have it open meanwhile.')
    .addOption(new Option('--no-values', 'Do not read the bytes of values: only look whether they are there.'))
    .addOption(new Option('--json', 'Print the result as one line of JSON.'))
    .addHelpText('after', verifyHelp)
    .action(async (flags: Flags) => { await (await import('./verify.js')).verifyCommand(flags) })

  addConfigOptions(program.command('repair').copyInheritedSettings(program), ['data', 'meta', 'blobs'])
    .description('Mend what can be mended in a store, and move aside what cannot. No server may have a store in a directory open; servers of one in a database may go on.')
    .addOption(new Option('--from <directory>', 'Where backups of the store are: values that are gone or rotten come back from there.'))
    .addOption(new Option('--dry-run', 'Only tell what is wrong; the exit code is 3 when that is something.'))
    .addOption(new Option('--json', 'Print the result as one line of JSON.'))
    .addHelpText('after', repairHelp)
    .action(async (flags: Flags) => { await (await import('./repair.js')).repairCommand(flags) })

  addConfigOptions(program.command('backup').copyInheritedSettings(program), ['data', 'meta', 'blobs'])
    .description('Back up a store as it is at this moment, also while servers have it open. What an earlier backup has is not copied again.')
    .addOption(new Option('--to <place>', 'Where the backups of this store are: a directory, at first an empty or a new one; s3://bucket/prefix; a new file that ends in .cdmibak or .tar, which has one backup; - for standard output. [env: BACKUP_TO]'))
    .addOption(new Option('--list', 'Only list the backups that are there.'))
    .addOption(new Option('--check', 'Only read a backup, and compare all of it with its checksums; the exit code is 3 when something is wrong, 4 when all is as it was written, but the backup was made of a damaged store and is without what was.'))
    .addOption(new Option('--at <moment>', 'With --check: the last backup of that moment or before it, or the one of that name. Default: the last one.'))
    .addOption(new Option('--skip-damaged', 'Make a backup though parts of the store cannot be read: it is without them. Each is named; the exit code is 4.'))
    .addOption(new Option('--json', 'Print the result as one line of JSON.'))
    .addHelpText('after', backupHelp)
    .action(async (flags: Flags) => { await (await import('./backup.js')).backupCommand(flags) })

  addConfigOptions(program.command('restore').copyInheritedSettings(program), ['data', 'meta', 'blobs'])
    .description('Make a store of a backup, where there is none yet: in a directory, or in a database.')
    .addOption(new Option('--from <place>', 'Where the backups are: a directory, a file, or s3://bucket/prefix. [env: RESTORE_FROM]'))
    .addOption(new Option('--at <moment>', 'The last backup of that moment or before it, or the one of that name. Default: the last one.'))
    .addOption(new Option('--skip-damaged', 'Come to an end though values of the backup are damaged: their objects are restored without them. Each is named; the exit code is 4.'))
    .addOption(new Option('--json', 'Print the result as one line of JSON.'))
    .addHelpText('after', restoreHelp)
    .action(async (flags: Flags) => { await (await import('./restore.js')).restoreCommand(flags) })

  addConfigOptions(program.command('export').copyInheritedSettings(program), ['data', 'meta', 'blobs'])
    .description('Write a container as a plain directory, with a file of metadata in each. A server may have the store open.')
    .addOption(new Option('--container <path>', 'The container, as in /path/. Default: the root container.'))
    .addOption(new Option('--to <directory>', 'An empty directory, or a new one.'))
    .addOption(new Option('--dry-run', 'Only count what there is.'))
    .addOption(new Option('--json', 'Print the result as one line of JSON.'))
    .addHelpText('after', exportHelp)
    .action(async (flags: Flags) => { await (await import('./trees.js')).exportCommand(flags) })

  addConfigOptions(program.command('import').copyInheritedSettings(program), ['data', 'meta', 'blobs'])
    .description('Make a container of a directory: of one that was exported, or of any other. No server may have a store in a directory open.')
    .addOption(new Option('--container <path>', 'Where its files go, as in /path/; the container is made when it is not there. Default: the root container.'))
    .addOption(new Option('--from <directory>', 'The directory.'))
    .addOption(new Option('--existing <way>', 'What becomes of objects that are there already: the command says so and ends with 3, they stay as they are, or they get the new value. Default: fail.').choices(['fail', 'keep', 'replace']))
    .addOption(new Option('--dry-run', 'Only tell what would be made, and what cannot be.'))
    .addOption(new Option('--json', 'Print the result as one line of JSON.'))
    .addHelpText('after', importHelp)
    .action(async (flags: Flags) => { await (await import('./trees.js')).importCommand(flags) })

  const user = program.command('user').copyInheritedSettings(program)
    .description('Users of a server: its users file, by default users.json in the directory of the store. A running server notices changes within a second.')
    .addHelpText('after', userHelp)
  const userCommand = (name: string, description: string, examples: string): Command =>
    addConfigOptions(user.command(name).copyInheritedSettings(user), ['data', 'users']).description(description).addHelpText('after', examples)
  userCommand('add <name>', 'Add a user. The password is asked for, or read from standard input.', addHelp)
    .addOption(new Option('--read-only', 'The user may look, but not change anything.'))
    .addOption(new Option('--generate', 'Make a password and print it, once.'))
    .action(async (name: string, flags: Flags) => { await (await import('./user.js')).addUser(name, flags) })
  userCommand('passwd <name>', 'Give a user a new password. It is asked for, or read from standard input.', passwdHelp)
    .addOption(new Option('--generate', 'Make a password and print it, once.'))
    .action(async (name: string, flags: Flags) => { await (await import('./user.js')).changePassword(name, flags) })
  userCommand('remove <name>', 'Remove a user.', removeHelp)
    .action(async (name: string, flags: Flags) => { await (await import('./user.js')).removeUser(name, flags) })
  userCommand('list', 'List the users and what they may do.', listHelp)
    .action(async (flags: Flags) => { await (await import('./user.js')).listUsers(flags) })
  return program
}

const serveHelp = `
Every option may also come from the environment or from a config file (TOML); a flag wins over a variable, a variable over the file.
Secrets have no flag: ADMIN_PASSWORD, TLS_PASSPHRASE. Those of --meta and --blobs: PGPASSWORD, AWS_SECRET_ACCESS_KEY.

Examples:
  fastify-cdmi serve --data ./data                    http://localhost:6375; the first start prints a password
  ADMIN_PASSWORD=… fastify-cdmi serve --host 0.0.0.0 --tls self-signed
  TLS_CERT=cert.pem TLS_KEY=key.pem fastify-cdmi serve --host :: --port 443
  fastify-cdmi serve --config /etc/fastify-cdmi.toml
  PGPASSWORD=… ADMIN_PASSWORD=… fastify-cdmi serve --meta postgres://cdmi@db.example/cdmi --blobs s3://bucket/cdmi
                                                      one of many servers on one store

Then, for instance:
  curl -u admin:… -T photo.jpg http://localhost:6375/photo.jpg
  curl -u admin:… -X POST http://localhost:6375/data/alice -H 'content-type: application/json' -d '{"age":30}'
The API is described at /-/docs.`

const sweepHelp = `
Examples:
  fastify-cdmi sweep --data ./data                    keeps what was deleted within the last hour
  fastify-cdmi sweep --data ./data --trash-grace 0    frees the space of all that was deleted
  PGPASSWORD=… fastify-cdmi sweep --meta postgres://cdmi@db.example/cdmi --blobs file:///srv/cdmi`

const migrateHelp = `
Servers of older builds that run meanwhile are not ready from then on: end them first, or replace them soon after.

Examples:
  PGPASSWORD=… fastify-cdmi migrate --meta postgres://cdmi@db.example/cdmi --dry-run
  PGPASSWORD=… fastify-cdmi migrate --meta postgres://cdmi@db.example/cdmi`

const auditHelp = `
Each line has, with tabs between: time, operation, user, address of the client, path, object ID, bytes of the value.

Examples:
  fastify-cdmi audit --data ./data --since 24h
  fastify-cdmi audit --data ./data --object /MyContainer/ --user ann --json
  PGPASSWORD=… fastify-cdmi audit --meta postgres://cdmi@db.example/cdmi --since 2026-01-01`

const transferHelp = `
It can be killed at any moment: the same command goes on where it was. The target cannot be served before all is there and was compared.
URLs with passwords are taken from their variables only. Or set PGPASSWORD, and keys of S3 by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.

Examples:
  fastify-cdmi transfer --from ./data --to postgres://db.example/cdmi --to-blobs 's3://bucket/cdmi?endpoint=https://s3.example'
  TRANSFER_FROM=… fastify-cdmi transfer --from-blobs file:///srv/cdmi --to ./data --json`

const verifyHelp = `
The exit code is 0 when the store is sound, 3 when something is wrong with it; each sentence names what. Nothing is changed.

Examples:
  fastify-cdmi verify --data ./data
  fastify-cdmi verify --data ./data --no-values --json
  PGPASSWORD=… fastify-cdmi verify --meta postgres://cdmi@db.example/cdmi --blobs file:///srv/cdmi`

const repairHelp = `
Nothing is deleted: objects that have lost bytes or their place go to the container /lost+found/, files that belong to nothing and rows that
nobody can read to the directory moved-aside/ of a store in a directory. It can be killed at any moment, and be run again.

Examples:
  fastify-cdmi repair --data ./data --dry-run
  fastify-cdmi repair --data ./data --from /backups/cdmi
  fastify-cdmi repair --data ./data
  PGPASSWORD=… fastify-cdmi repair --meta postgres://cdmi@db.example/cdmi --blobs file:///srv/cdmi`

const backupHelp = `
It can be killed at any moment: what it was making is no backup, and the next one need not copy again what is there.

Examples:
  fastify-cdmi backup --data ./data --to /backups/cdmi
  fastify-cdmi backup --data ./data --to monday.cdmibak
  fastify-cdmi backup --data ./data --to - | ssh backup.example 'cat > store.cdmibak'
  AWS_SECRET_ACCESS_KEY=… fastify-cdmi backup --data ./data --to 's3://bucket/backups?endpoint=https://s3.example'
  PGPASSWORD=… fastify-cdmi backup --meta postgres://cdmi@db.example/cdmi --blobs s3://bucket/cdmi --to /backups/cdmi
  fastify-cdmi backup --to /backups/cdmi --list
  fastify-cdmi backup --to /backups/cdmi --check --at 2030-01-31T18:00:00Z`

const restoreHelp = `
It can be killed at any moment: the same command goes on where it was. No server can open the store before all is there and was compared.

Examples:
  fastify-cdmi restore --from /backups/cdmi --data ./data
  fastify-cdmi restore --from monday.cdmibak --data ./data
  fastify-cdmi restore --from /backups/cdmi --at 2030-01-31T18:00:00Z --data ./yesterday
  PGPASSWORD=… fastify-cdmi restore --from /backups/cdmi --meta postgres://cdmi@db.example/cdmi --blobs file:///srv/cdmi`

const exportHelp = `
The exit code is 3 when objects could not be exported; each is named.

Examples:
  fastify-cdmi export --data ./data --to ./all
  fastify-cdmi export --data ./data --container /photos/ --to ./photos`

const importHelp = `
The exit code is 3 when files were left out; each is named. Run it again with --existing keep to go on after an interruption.

Examples:
  fastify-cdmi import --from ./photos --data ./data --container /photos/
  fastify-cdmi import --from ./photos --data ./data --container /photos/ --dry-run`

const userHelp = `
Examples:
  fastify-cdmi user add ann --data ./data
  fastify-cdmi user list --data ./data`

const addHelp = `
Examples:
  fastify-cdmi user add ann --data ./data             asks for a password
  fastify-cdmi user add ann --data ./data < password.txt
  fastify-cdmi user add bob --read-only --generate --users /etc/fastify-cdmi/users.json`

const passwdHelp = `
Examples:
  fastify-cdmi user passwd ann --data ./data
  fastify-cdmi user passwd ann --generate --data ./data`

const removeHelp = `
Example:
  fastify-cdmi user remove ann --data ./data          who is logged in is out within a second or so`

const listHelp = `
Example:
  fastify-cdmi user list --data ./data                a name and "read" or "write" on each line, a tab between`
