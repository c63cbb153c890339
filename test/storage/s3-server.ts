/** A real S3 server for the tests of one file: the one that the environment names, or one that is started for it. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { v7 } from 'uuid'
import type { S3Options } from '../../schemas/s3-options.js'

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
    /** Starts it again; resolves when it answers. */
    start (): Promise<void>
  }
}

const names = ['S3_ENDPOINT', 'S3_REGION', 'S3_BUCKET', 'S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'] as const
const programs = ['radosgw', 'ceph-mon', 'ceph-osd']

/** Where the scripts are, seen from what was compiled. */
const script = (name: string): string => fileURLToPath(new URL(`../../../test/services/${name}`, import.meta.url))

/**
 * The server; it is stopped when this process has ended, however that was. Undefined where the packages are missing: said aloud, for a skipped test
 * proves nothing. With `CI=true` they are installed, or the test fails.
 */
export async function s3Server (t: Test): Promise<S3Server | undefined> {
  const given = settings(process.env)
  if (given !== undefined) return given
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin`.split(':')
  const missing = programs.filter(program => !path.some(directory => existsSync(join(directory, program))))
  if (missing.length > 0 && process.env['CI'] !== 'true') {
    console.error(`SKIPPED: without ${missing.join(', ')} (Debian packages of the same names) or ${names.join(', ')} in the environment there is no S3 server to test with`)
    return undefined
  }
  const memory = '/dev/shm'
  const directory = await mkdtemp(join(existsSync(memory) ? memory : tmpdir(), 'fastify-cdmi-s3-'))
  await chmod(directory, 0o755)
  // Ends with our end of its input, which no crash of this process can leave open.
  const keeper = spawn('sh', ['-c', 'cat; "$1" "$2" --crash; rm -rf "$2"', 'sh', script('stop.sh'), directory], { stdio: ['pipe', 'ignore', 'inherit'], detached: true })
  t.teardown(async () => {
    keeper.stdin.end()
    await once(keeper, 'close')
    await rm(directory, { recursive: true, force: true })
  })
  return {
    ...await start(directory),
    own: {
      kill () { process.kill(Number(readFileSync(join(directory, 's3/run/client.rgw.pid'), 'utf8')), 'SIGKILL') },
      async start () { await start(directory) }
    }
  }
}

async function start (directory: string): Promise<S3Server> {
  const { stdout } = await promisify(execFile)(script('start-s3.sh'), [directory], { env: { ...process.env, S3_STORE: 'memstore' } })
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
