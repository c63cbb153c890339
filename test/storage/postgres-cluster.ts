/** A primary and a synchronous standby of the test's own, for failovers: what a cluster manager does is done by the test. */
import { spawnSync } from 'node:child_process'
import { ownServer, signalAll } from './postgres-server.js'
import { script } from './service-keeper.js'

export interface Cluster {
  /** URLs, by what they were at the beginning. */
  readonly primary: string
  readonly standby: string
  /** SIGKILL for all processes of the first primary, and nobody starts it again. */
  kill (): void
  /** Stops all of them from running, and lets them go on: its machine takes connections, and says nothing. */
  freeze (): void
  thaw (): void
  /** The same for the standby. */
  freezeStandby (): void
  thawStandby (): void
  /** Makes the standby a primary. */
  promote (): void
}

/** Undefined where PostgreSQL is missing: said aloud. It ends with this process. */
export async function ownCluster (): Promise<Cluster | undefined> {
  const server = await ownServer({ durable: true })
  if (server === undefined) return undefined
  const { directory, url } = server
  const run = (...args: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync(script('start-standby.sh'), [directory, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    if (status !== 0) throw new Error(`start-standby.sh: ${stderr}`)
    return stdout
  }
  const [, standby] = /^export STANDBY_URL=(.*)$/m.exec(run()) ?? []
  if (standby === undefined) throw new Error('the script says nothing of the standby')
  return {
    primary: url,
    standby,
    kill () { signalAll(directory, 'SIGKILL') },
    freeze () { signalAll(directory, 'SIGSTOP') },
    thaw () { signalAll(directory, 'SIGCONT') },
    freezeStandby () { signalAll(directory, 'SIGSTOP', 'standby') },
    thawStandby () { signalAll(directory, 'SIGCONT', 'standby') },
    promote () { run('--promote') }
  }
}

/** One URL for several servers, as PostgreSQL's own clients write it. */
export function severalServers (schema: string, ...urls: readonly [string, ...string[]]): string {
  const [first] = urls
  const { host } = new URL(first)
  const url = first.replace(host, urls.map(url => new URL(url).host).join())
  return `${url}?schema=${schema}&target_session_attrs=read-write`
}
