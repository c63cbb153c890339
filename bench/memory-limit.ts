/** A limit of memory for our server, by a control group of the kernel's memory controller: in its first or its second version, where this user may make one. */
import { existsSync } from 'node:fs'
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface MemoryLimit {
  /** Prefix of a command that is to live under it. */
  readonly prefix: readonly string[]
  /** Pages of files that somebody else has read before count as his, not as those of who lives under it: the system is to forget them. */
  forgetPages (): Promise<void>
  /** What it came to, in a sentence. */
  outcome (): Promise<string>
  /** When all who lived under it are gone. */
  remove (): Promise<void>
}

/** Its files, by version. */
const versions = [
  { root: '/sys/fs/cgroup', sign: 'cgroup.controllers', limit: 'memory.max', swap: 'memory.swap.max', most: 'memory.peak', events: 'memory.events' },
  { root: '/sys/fs/cgroup/memory', sign: 'memory.limit_in_bytes', limit: 'memory.limit_in_bytes', swap: 'memory.memsw.limit_in_bytes', most: 'memory.max_usage_in_bytes', events: 'memory.oom_control' }
]

/** Throws a sentence where it cannot be. */
export async function limitMemory (bytes: number): Promise<MemoryLimit> {
  const version = versions.find(({ root, sign }) => existsSync(join(root, sign)))
  if (version === undefined) throw new Error('--limit-memory is not possible here: there is no memory controller under /sys/fs/cgroup')
  const directory = join(version.root, `fastify-cdmi-bench-${process.pid}`)
  try {
    await mkdir(directory)
  } catch (error) {
    throw new Error(`--limit-memory is not possible here: ${error instanceof Error ? error.message : String(error)}. As root, or under systemd-run --user --scope -p MemoryMax=${bytes} the whole benchmark, it may be`)
  }
  try {
    await writeFile(join(directory, version.limit), String(bytes))
    // A group without swap is one that feels the limit; kernels that do not count swap have no such file.
    if (existsSync(join(directory, version.swap))) await writeFile(join(directory, version.swap), version.swap === 'memory.swap.max' ? '0' : String(bytes))
  } catch (error) {
    await rmdir(directory)
    throw new Error(`--limit-memory is not possible here: ${error instanceof Error ? error.message : String(error)}`)
  }
  return {
    prefix: ['sh', '-c', `echo $$ > ${directory}/cgroup.procs && exec "$@"`, 'sh'],
    async forgetPages () {
      await writeFile('/proc/sys/vm/drop_caches', '3').catch((error: unknown) => { throw new Error(`--limit-memory says nothing here of a store that was filled before: ${error instanceof Error ? error.message : String(error)}`) })
    },
    async outcome () {
      const most = Number(await readFile(join(directory, version.most), 'utf8').catch(() => 'unknown'))
      const killed = /oom_kill (\d+)/.exec(await readFile(join(directory, version.events), 'utf8'))?.[1] ?? 'unknown'
      return `Ours under a limit of ${Math.round(bytes / 2 ** 20)} MiB, pages of files included; the most it took was ${Math.round(most / 2 ** 20)} MiB; processes killed for want of memory: ${killed}.`
    },
    async remove () { await rmdir(directory) }
  }
}
