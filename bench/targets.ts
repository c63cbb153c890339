/** What the ratios to others have to be. */
import type { Workload, WorkloadName } from './jobs.js'

export interface Target {
  readonly must?: number
  readonly goal?: number
}

/** Ours by theirs, of requests in a second. */
const comparisons: Readonly<Record<WorkloadName, Readonly<Record<string, Target>>>> = {
  W1: { 'fastify hello': { must: 0.4, goal: 0.6 }, s3rver: { must: 8 }, 'rclone webdav': { must: 1.5 }, 'nginx DAV': { goal: 1 } },
  W2: { 'fastify hello': { must: 0.7, goal: 0.9 }, s3rver: { must: 18 }, 'rclone webdav': { must: 3.5 } },
  W3: { 'nginx DAV': { must: 1.5, goal: 3 }, 'webdis + redis': { goal: 1 } },
  W4: { 'nginx DAV': { must: 0.75, goal: 1 }, s3rver: { must: 3.5, goal: 5 } },
  W5: { 'nginx DAV': { must: 0.55, goal: 0.85 } },
  W6: { s3rver: { must: 4, goal: 8 } },
  W7: { 'nginx DAV': { must: 4, goal: 10 } }
}

export function targetOf (workload: Workload, peer: string): Target {
  return comparisons[workload.name][peer] ?? {}
}

/** Several processes by one. */
export const processTargets: Readonly<Partial<Record<WorkloadName, Target>>> = {
  W1: { must: 1.2, goal: 1.7 },
  W2: { must: 1.7, goal: 1.9 }
}

/** As cells of a table. */
export function targetCells ({ must, goal }: Target, reached: number): { must: string, goal: string, reached: string } {
  const least = must ?? goal
  const word = least === undefined ? '' : goal !== undefined && reached >= goal ? 'goal' : reached >= least && must !== undefined ? 'yes' : 'no'
  return { must: must?.toString() ?? '', goal: goal?.toString() ?? '', reached: word }
}
