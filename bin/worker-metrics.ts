/**
 * The numbers of several processes as those of one server: a question reaches any worker, which asks the primary, which asks all of them. What a worker
 * that has died had counted is still counted, so that no counter ever falls.
 */
import type { Cluster, Worker } from 'node:cluster'
import { setTimeout as delay } from 'node:timers/promises'
import { type Family, merged } from '../metrics/family.js'

/** Milliseconds that a worker has to answer; and the primary, which waits for workers. */
const workerPatience = 1500
const primaryPatience = 3000

type Message = { readonly protocol: typeof protocol } & (
  /** A worker counts, and can be asked. */
  | { readonly kind: 'counts' }
  /** The primary asks a worker for its own, a worker the primary for all. */
  | { readonly kind: 'asked' }
  /** The answer to either. */
  | { readonly kind: 'told', readonly families: readonly Family[] }
)

const protocol = 'fastify-cdmi metrics 1'

function isMessage (message: unknown): message is Message {
  return typeof message === 'object' && message !== null && (message as Partial<Message>).protocol === protocol
}

type Numbers = readonly Family[]

interface Member {
  /** What it said last. */
  known: Numbers
  /** Set while it is asked. */
  told: ((families: Numbers) => void) | undefined
}

/** The primary's part. `own`: what it counts itself. Answers what ends it. */
export function gatherMetrics (cluster: Cluster, own: () => Promise<Numbers>): () => void {
  const members = new Map<Worker, Member>()
  let departed: Numbers = []
  let gathering: Promise<Numbers> | undefined

  async function ask (worker: Worker, member: Member): Promise<Numbers> {
    if (!worker.isConnected()) return member.known
    const enough = new AbortController()
    const answer = new Promise<void>(resolve => {
      member.told = families => {
        member.known = families
        resolve()
      }
    })
    worker.send({ protocol, kind: 'asked' } satisfies Message, () => {})
    await Promise.race([answer, delay(workerPatience, undefined, { signal: enough.signal })])
    enough.abort()
    return member.known
  }

  async function gather (): Promise<Numbers> {
    const answers = await Promise.all([own(), ...Array.from(members, async ([worker, member]) => await ask(worker, member))])
    return merged([departed, ...answers])
  }

  const listen = (worker: Worker, message: unknown): void => {
    if (!isMessage(message)) return
    if (message.kind === 'counts') members.set(worker, { known: [], told: undefined })
    if (message.kind === 'told') members.get(worker)?.told?.(message.families)
    if (message.kind !== 'asked') return
    gathering ??= gather().finally(() => { gathering = undefined })
    gathering.then(families => {
      if (worker.isConnected()) worker.send({ protocol, kind: 'told', families } satisfies Message, () => {})
    }).catch(() => {})
  }
  const bury = (worker: Worker): void => {
    departed = merged([departed, lasting(members.get(worker)?.known ?? [])])
    members.delete(worker)
  }
  cluster.on('message', listen)
  cluster.on('exit', bury)
  return () => {
    cluster.off('message', listen)
    cluster.off('exit', bury)
  }
}

/** What stays true when its process is gone: counters, but those about the process itself. */
function lasting (families: Numbers): Numbers {
  return families.filter(({ type, samples }) => type !== 'gauge' && samples.every(({ labels }) => labels['process'] === undefined))
}

/** A worker's part: answers what all processes have counted, or, when the primary does not answer, what this one has. */
export function shareMetrics (own: () => Promise<Numbers>): () => Promise<Numbers> {
  const waiting = new Set<(families: Numbers) => void>()
  process.on('message', (message: unknown) => {
    if (!isMessage(message)) return
    if (message.kind === 'asked') own().then(families => { tell({ protocol, kind: 'told', families }) }).catch(() => {})
    if (message.kind !== 'told') return
    for (const resolve of waiting) resolve(message.families)
    waiting.clear()
  })
  tell({ protocol, kind: 'counts' })
  return async () => {
    if (process.connected !== true) return await own()
    const enough = new AbortController()
    let resolveNow: (families: Numbers) => void = () => {}
    const answer = new Promise<Numbers>(resolve => { waiting.add(resolveNow = resolve) })
    tell({ protocol, kind: 'asked' })
    const families = await Promise.race([answer, delay(primaryPatience, undefined, { signal: enough.signal })])
    enough.abort()
    waiting.delete(resolveNow)
    return families ?? await own()
  }
}

/** The callback takes the error of a primary that is gone. */
function tell (message: Message): void {
  process.send?.(message, undefined, undefined, () => {})
}
