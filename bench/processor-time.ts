/** Processor time of groups of processes, from /proc. */
import { readdirSync, readFileSync } from 'node:fs'

interface Times {
  readonly pid: number
  readonly parent: number
  /** Milliseconds; Linux counts in hundredths of a second. */
  readonly own: number
  /** The same of children that have ended. */
  readonly ended: number
}

function timesOf (pid: number): Times | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field, the name, is in brackets and may contain anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ').map(Number)
    const [, parent = 0, , , , , , , , , , user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields
    return { pid, parent, own: (user + system) * 10, ended: (endedUser + endedSystem) * 10 }
  } catch {
    // It has ended meanwhile.
    return undefined
  }
}

/** These processes, and what descends from them. */
function tree (pids: readonly number[]): Times[] {
  const all = readdirSync('/proc').flatMap(name => /^\d+$/.test(name) ? timesOf(Number(name)) ?? [] : [])
  const group = new Set(pids)
  // Parents may have greater numbers than their children.
  for (let size = -1; size !== group.size;) {
    size = group.size
    for (const { pid, parent } of all) if (group.has(parent)) group.add(pid)
  }
  return all.filter(({ pid }) => group.has(pid))
}

/** Milliseconds so far of these processes, of what descends from them, and of those of it that have ended. */
export function processorTime (pids: readonly number[]): number {
  return tree(pids).reduce((sum, { own, ended }) => sum + own + ended, 0)
}

/** Numbers of these processes and of what descends from them. */
export function processTree (pids: readonly number[]): number[] {
  return tree(pids).map(({ pid }) => pid)
}

/** Milliseconds that children of this process took that have ended. */
export function endedChildren (): number {
  return timesOf(process.pid)?.ended ?? 0
}
