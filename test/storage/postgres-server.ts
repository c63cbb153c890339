/** A real PostgreSQL for the tests of a process: the one that the environment names, or one that is started for it. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import type { Test } from 'tap'
import { keptDirectory, script } from './service-keeper.js'

export interface PostgresServer {
  readonly url: string
  /** The same of a schema that nobody has used; it is dropped with the test. */
  freshSchema (t: Test): string
}

/** One that may be stopped, for it belongs to who asked for it. */
export interface OwnServer extends PostgresServer {
  /** Where the scripts keep it. */
  readonly directory: string
  /** As if the power went: SIGKILL for all of its processes. */
  crash (): Promise<void>
  start (): Promise<void>
  /** Stops all of its processes from running, and lets them go on: to clients it is there and says nothing. */
  freeze (): void
  thaw (): void
}

export interface OwnServerOptions {
  /** Whether what it has committed survives the death of all of its processes; slower. */
  readonly durable?: boolean
}

/** What `initdb` has made for an earlier one: a copy of it costs next to nothing. */
const template = fileURLToPath(new URL('../../services/postgres', import.meta.url))
const binaries = '/usr/lib/postgresql'
const isInstalled = (): boolean => process.env['PG_BIN'] !== undefined || (existsSync(binaries) && readdirSync(binaries).length > 0)

let shared: Promise<PostgresServer | undefined> | undefined

/**
 * The server; all tests of this process have it, and it ends with the process, however that was. Undefined where the packages are missing: said aloud, for
 * a skipped test proves nothing. With `CI=true` they are installed, or the test fails.
 */
export async function postgresServer (): Promise<PostgresServer | undefined> {
  const url = process.env['DATABASE_URL']
  shared ??= url === undefined ? ownServer() : Promise.resolve(withSchemas(url))
  return await shared
}

/** Another one, whatever the environment names. */
export async function ownServer ({ durable = false }: OwnServerOptions = {}): Promise<OwnServer | undefined> {
  if (!isInstalled() && process.env['CI'] !== 'true') {
    console.error('SKIPPED: without PostgreSQL (Debian package postgresql) or DATABASE_URL in the environment there is no database to test with')
    return undefined
  }
  const directory = await keptDirectory('fastify-cdmi-pg-')
  const start = (): string => {
    const { status, stdout, stderr } = spawnSync(script('start-postgres.sh'), [directory], { env: { ...process.env, PG_TEMPLATE: template, ...(durable ? {} : { PG_FAST: '1' }) }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    const [, url] = /^export DATABASE_URL=(.*)$/m.exec(stdout) ?? []
    if (status !== 0 || url === undefined) throw new Error(`no PostgreSQL: ${stderr}`)
    return url
  }
  return {
    ...withSchemas(start()),
    directory,
    async crash () {
      signalAll(directory, 'SIGKILL')
      spawnSync(script('stop.sh'), [directory, '--crash'], { stdio: 'inherit' })
    },
    async start () { start() },
    freeze () { signalAll(directory, 'SIGSTOP') },
    thaw () { signalAll(directory, 'SIGCONT') }
  }
}

/** For all of its processes; the postmaster first, for it starts others. Those of one that is dead are its children no more. */
export function signalAll (directory: string, signal: NodeJS.Signals, server: 'postgres' | 'standby' = 'postgres'): void {
  const [postmaster = ''] = readFileSync(join(directory, server, 'data/postmaster.pid'), 'utf8').split('\n')
  const known = childrenOf(postmaster)
  process.kill(Number(postmaster), signal)
  for (const child of new Set([...known, ...childrenOf(postmaster)])) {
    try {
      process.kill(Number(child), signal)
    } catch (error) {
      // Some end by themselves meanwhile.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
    }
  }
}

function childrenOf (pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(child => child !== '')
  } catch (error) {
    // It is dead already.
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return []
    throw error
  }
}

let schemas = 0

function withSchemas (url: string): PostgresServer {
  return {
    url,
    freshSchema (t) {
      const schema = `test_${process.pid}_${Date.now()}_${schemas++}`
      t.teardown(async () => { await query(url, `drop schema if exists "${schema}" cascade`) })
      const own = new URL(url)
      own.searchParams.set('schema', schema)
      return own.href
    }
  }
}

/** Runs one statement on a connection of its own. */
export async function query (url: string, text: string): Promise<unknown[][]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<unknown[]>({ text, rowMode: 'array' })).rows
  } finally {
    await client.end()
  }
}

/** The schema in the URL of a store. */
export function schemaOf (url: string): string {
  return `"${new URL(url).searchParams.get('schema') ?? ''}"`
}
