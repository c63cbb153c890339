/** Requests of jobs, one by one: to fill a server before it is measured, and to look whether it does what it is to be measured at. */
import { fetch } from 'undici'
import type { BenchServer } from './child-server.js'
import { type Job, type Jobs, type WorkloadName, listed, ourContainers, ourEntries, ours } from './jobs.js'

const atOnce = 64

/** One request. Throws when its answer is no success; answers the body. */
export async function ask (server: BenchServer, { method, path, headers, body }: Omit<Job, 'keys'>, key = ''): Promise<Buffer> {
  const authorization: Record<string, string> = server.authorization === undefined ? {} : { authorization: server.authorization }
  const response = await fetch(server.url + path + key, { method, headers: { ...authorization, ...headers }, ...(body === undefined ? {} : { body }) })
  const answer = Buffer.from(await response.arrayBuffer())
  if (!response.ok) throw new Error(`${server.name}: ${method} ${path}${key} answered ${response.status}: ${answer.toString('utf8', 0, 300)}`)
  return answer
}

/** Each key of the job, once. */
export async function askAll (server: BenchServer, job: Job): Promise<void> {
  const count = typeof job.keys === 'number' ? job.keys : 1
  for (let at = 0; at < count; at += atOnce) {
    await Promise.all(Array.from({ length: Math.min(atOnce, count - at) }, async (_, index) => await ask(server, job, String(at + index))))
  }
}

/** What W2 to W5 read and replace, written by these jobs. */
export async function fillWith (server: BenchServer, jobs: readonly (Job | undefined)[]): Promise<void> {
  for (const job of jobs) if (job !== undefined) await askAll(server, job)
}

/** Ours, for the workloads of all its doors. */
export async function fillOurs (server: BenchServer, chosen: readonly WorkloadName[]): Promise<void> {
  for (const path of ourContainers) await ask(server, { method: 'PUT', path })
  const wants = (...names: WorkloadName[]): boolean => names.some(name => chosen.includes(name))
  for (const [door, { W3, W4 }] of Object.entries(ours)) {
    // The keyed door replaces what is there, and nothing else.
    const create = (job: Job | undefined): Job | undefined => job !== undefined && door === 'keyed' ? { ...job, method: 'POST' } : job
    await fillWith(server, [...wants('W2', 'W3') ? [create(W3)] : [], ...wants('W4', 'W5') ? [create(W4)] : []])
  }
  if (wants('W7')) await fillWith(server, ourEntries)
}

/** Throws a sentence when an answer is not what the workload is about: a list that is a first page only, say. */
export async function checkJobs (server: BenchServer, jobs: Jobs, chosen: readonly WorkloadName[]): Promise<void> {
  for (const name of chosen) {
    const job = jobs[name]
    if (job === undefined) continue
    const key = job.keys === 'none' ? '' : job.keys === 'fresh' ? 'checked' : '0'.padStart(job.digits ?? 1, '0')
    const answer = await ask(server, job, key)
    const { bytes = 0, names = 0 } = job.answer ?? {}
    if (answer.length < bytes) throw new Error(`${server.name}: ${job.method} ${job.path}${key} answered ${answer.length} bytes, not ${bytes}`)
    const found = answer.toString('latin1').split(listed).length - 1
    if (found < names) throw new Error(`${server.name}: ${job.method} ${job.path} answered ${found} names, not ${names}`)
  }
}
