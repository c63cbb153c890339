/** A real S3 server for the tests of a process: the one that the environment names, or one that is started for it. */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { v7 } from 'uuid'
import type { S3Options } from '../../schemas/s3-options.js'
import { keptDirectory, script } from './service-keeper.js'

export interface S3Server {
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** There when it was started here: then it also knows the host names `<bucket>.s3.localhost`. */
  readonly own?: {
    /** Kills the gateway with SIGKILL; what it stored stays. */
    kill (): void
    /** The same with all daemons, at once, as if the power went; what was stored stays if the server is a durable one. */
    crash (): void
    /** Stops the gateway from running, and lets it go on: to clients it is there and says nothing. */
    freeze (): void
    thaw (): void
    /** Starts again what does not run; resolves when it answers. */
    start (): Promise<void>
  }
}

export type OwnS3Server = S3Server & Required<Pick<S3Server, 'own'>>

const names = ['S3_ENDPOINT', 'S3_REGION', 'S3_BUCKET', 'S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'] as const
const programs = ['radosgw', 'ceph-mon', 'ceph-osd']

/**
 * The server; all tests of this process have it, and it ends with the process, however that was. Undefined where the packages are missing: said aloud, for
 * a skipped test proves nothing. With `CI=true` they are installed, or the test fails.
 */
export async function s3Server (): Promise<S3Server | undefined> {
  return settings(process.env) ?? await ownS3Server()
}

let shared: Promise<OwnS3Server | undefined> | undefined

/** The same, but never the one that the environment names: it may be killed. Who does starts it again, for others need it. */
export async function ownS3Server (): Promise<OwnS3Server | undefined> {
  shared ??= launch('memstore')
  return await shared
}

/** Another one. What it stores survives the death of all its daemons; slower to start. */
export async function durableS3Server (): Promise<OwnS3Server | undefined> {
  return await launch('bluestore')
}

async function launch (store: 'memstore' | 'bluestore'): Promise<OwnS3Server | undefined> {
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin`.split(':')
  const missing = programs.filter(program => !path.some(directory => existsSync(join(directory, program))))
  if (missing.length > 0 && process.env['CI'] !== 'true') {
    console.error(`SKIPPED: without ${missing.join(', ')} (Debian packages of the same names) or ${names.join(', ')} in the environment there is no S3 server to test with`)
    return undefined
  }
  const directory = await keptDirectory('fastify-cdmi-s3-', '--crash')
  const signal = (name: NodeJS.Signals, ...daemons: readonly string[]): void => {
    for (const daemon of daemons) process.kill(Number(readFileSync(join(directory, `s3/run/${daemon}.pid`), 'utf8')), name)
  }
  const own = {
    kill () { signal('SIGKILL', 'client.rgw') },
    crash () { signal('SIGKILL', 'client.rgw', 'osd.0', 'mon.a') },
    freeze () { signal('SIGSTOP', 'client.rgw') },
    thaw () { signal('SIGCONT', 'client.rgw') },
    async start () { await start(directory, store) }
  }
  return { ...await start(directory, store), own }
}

async function start (directory: string, store: string): Promise<S3Server> {
  const { stdout } = await promisify(execFile)(script('start-s3.sh'), [directory], { env: { ...process.env, S3_STORE: store } })
  const started = settings(Object.fromEntries(stdout.split('\n').map(line => /^export (\w+)=(.*)$/.exec(line)).flatMap(match => match === null ? [] : [[match[1], match[2]]])))
  if (started === undefined) throw new Error(`the script says something else than expected: ${stdout}`)
  return started
}

function settings (environment: Readonly<Record<string, string | undefined>>): S3Server | undefined {
  const [endpoint, region, bucket, accessKeyId, secretAccessKey] = names.map(name => environment[name])
  if (endpoint === undefined || region === undefined || bucket === undefined || accessKeyId === undefined || secretAccessKey === undefined) return undefined
  return { endpoint, region, bucket, accessKeyId, secretAccessKey }
}

/** Options for a place of its own in the server, with changes. */
export function freshOptions ({ own, ...server }: S3Server, changes: Partial<S3Options> = {}): S3Options {
  return { ...server, prefix: `test/${v7()}`, ...changes }
}
