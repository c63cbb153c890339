/** Memory of groups of processes, from /proc. */
import { readFileSync } from 'node:fs'
import { processTree } from './processor-time.js'

/** In bytes. */
export interface Memory {
  /** What the processes made themselves: their share of it where several have the same (Pss_Anon). */
  readonly anonymous: number
  /** With the pages of files that they looked at (Pss); the system takes those back when it needs the memory. */
  readonly resident: number
}

/** Of these processes and of what descends from them. */
export function memoryOf (pids: readonly number[]): Memory {
  const all = processTree(pids).map(pid => {
    try {
      return readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    } catch {
      // It has ended meanwhile.
      return ''
    }
  })
  const total = (name: string): number => all.reduce((sum, text) => sum + Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024, 0)
  return { anonymous: total('Pss_Anon'), resident: total('Pss') }
}

/** The most, looked at every so many milliseconds while the work is done. */
export async function mostMemory (pids: readonly number[], every: number, work: () => Promise<void>): Promise<Memory> {
  let most = memoryOf(pids)
  const watch = setInterval(() => {
    const { anonymous, resident } = memoryOf(pids)
    most = { anonymous: Math.max(most.anonymous, anonymous), resident: Math.max(most.resident, resident) }
  }, every)
  await work().finally(() => { clearInterval(watch) })
  return most
}
