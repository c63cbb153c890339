/** PostgreSQL and an S3 server of the benchmark's own, durable as in production. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Service {
  /** URL, and what else those need in their environment that use it. */
  readonly url: string
  readonly environment: Readonly<Record<string, string>>
  /** Of its processes. */
  readonly pids: readonly number[]
}

export interface Services {
  readonly directory: string
  database (): Promise<Service>
  files (): Service
  objects (): Promise<Service>
  /** Ends and removes all of it. */
  stop (): Promise<void>
}

export async function services (parent: string): Promise<Services> {
  const directory = await mkdtemp(join(parent, 'fastify-cdmi-gateways-'))
  // PostgreSQL is another user when this is root.
  await chmod(directory, 0o755)
  const start = async (script: string): Promise<Map<string, string>> => {
    const { stdout } = await run(`test/services/${script}`, [directory])
    return new Map(stdout.split('\n').flatMap(line => {
      const [, name, value] = /^export (\w+)=(.*)$/.exec(line) ?? []
      return name === undefined || value === undefined ? [] : [[name, value]]
    }))
  }
  const pid = (file: string): number => Number(readFileSync(join(directory, file), 'utf8').split('\n', 1)[0])
  return {
    directory,
    async database () {
      const names = await start('start-postgres.sh')
      return { url: names.get('DATABASE_URL') ?? '', environment: {}, pids: [pid('postgres/data/postmaster.pid')] }
    },
    files () {
      return { url: pathToFileURL(join(directory, 'blobs')).href, environment: {}, pids: [] }
    },
    async objects () {
      const names = await start('start-s3.sh')
      const url = new URL(`s3://${names.get('S3_BUCKET')}/bench`)
      url.searchParams.set('endpoint', names.get('S3_ENDPOINT') ?? '')
      url.searchParams.set('region', names.get('S3_REGION') ?? '')
      return {
        url: url.href,
        environment: { AWS_ACCESS_KEY_ID: names.get('S3_ACCESS_KEY_ID') ?? '', AWS_SECRET_ACCESS_KEY: names.get('S3_SECRET_ACCESS_KEY') ?? '' },
        pids: ['mon.a', 'osd.0', 'client.rgw'].map(name => pid(`s3/run/${name}.pid`))
      }
    },
    async stop () {
      await run('test/services/stop.sh', [directory, '--remove'])
      await rm(directory, { recursive: true, force: true })
    }
  }
}
