/**
 * Several processes on one port. With a store in a directory the primary owns it and writes for all, the workers serve HTTP and read by themselves;
 * one in a database each worker opens for itself. A worker that dies is replaced; the primary ends when they cannot even start.
 */
import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import type { Logger } from 'pino'
import { type Family, merged } from '../metrics/family.js'
import { Registry } from '../metrics/registry.js'
import { buildServer, type BuiltServer } from '../server.js'
import type { ServerConfig } from '../schemas/config.js'
import { serveWorkers } from '../storage/embedded/serve-workers.js'
import { openWorkerStore } from '../storage/embedded/worker-store.js'
import { checkShared, openConfiguredStore } from '../server/configured-store.js'
import { endingTime, storeOptions, storeDirectory } from '../server/store-config.js'
import { makeFirstUser, type FirstUser } from '../server/first-user.js'
import { standardError, startLog, storeAwaited } from '../server/logging.js'
import { readProcess } from '../server/process-readings.js'
import { tlsOptions } from '../server/tls.js'
import { makeAffinityDirectory, removeLeftAffinity } from './affinity-directory.js'
import { WorkerError } from './failure.js'
import { endUntaken } from './untaken-connections.js'
import { gatherMetrics, shareMetrics } from './worker-metrics.js'

export interface Workers {
  readonly url: string
  /** Lets every worker drain, then closes the store. */
  close (): Promise<void>
}

export interface WorkerServer extends BuiltServer {
  /** Tells the primary that this worker serves. */
  listening (url: string): void
}

/** Where the sockets lie through which workers pass polling requests on to each other. */
const affinityVariable = 'FASTIFY_CDMI_AFFINITY'
/** Milliseconds until a worker is replaced that died soon after its start, so that a broken machine is not kept busy with starting. */
const respite = 1000
/** Milliseconds beyond what an end may take that a worker has for it. */
const patience = 10_000

/** What terminals and service managers send to every process at once. */
export const groupSignals = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const

/** Of what a primary that was killed left behind. */
export const leftAffinity = 'what workers left behind cannot be removed'

const endMessage = 'fastify-cdmi end'

interface Listening { readonly kind: 'fastify-cdmi listening', readonly url: string }

function isListening (message: unknown): message is Listening {
  return typeof message === 'object' && message !== null && (message as Partial<Listening>).kind === 'fastify-cdmi listening'
}

/** The primary's part. Resolves when all workers listen; rejects, with nothing left running, when one cannot. */
export async function startWorkers (config: ServerConfig, { onFirstUser }: { onFirstUser?: (user: FirstUser) => void }): Promise<Workers> {
  const { workers: count = 1, logLevel = 'info' } = config
  const log = startLog(logLevel, standardError())
  const directory = storeDirectory(config)
  const ground = directory === undefined ? await prepareShared(config, log) : await prepareDirectory(config, directory, { log, onFirstUser })
  const stopMetrics = config.metrics === 'off' ? () => {} : countForAll(ground)
  const crew = new Crew(count, ground.affinity, log)
  const close = async (): Promise<void> => {
    await crew.end(endingTime(config) + patience)
    stopMetrics()
    await ground.close()
  }
  try {
    return { url: await crew.start(), close }
  } catch (error) {
    await close()
    throw error
  }
}

/** What workers stand on. */
interface Ground {
  /** Directory of the sockets through which they pass requests on to each other. */
  readonly affinity: string
  /** What the store counts in the primary. */
  readonly metrics?: Registry | undefined
  close (): Promise<void>
}

/** The primary adds its own numbers to those of the workers. Answers what ends it. */
function countForAll ({ metrics }: Ground): () => void {
  const own = new Registry()
  const stopReading = readProcess(own, 'primary')
  const stopGathering = gatherMetrics(cluster, async () => merged(await Promise.all([own.collect(), metrics?.collect() ?? []])))
  return () => {
    stopGathering()
    stopReading()
  }
}

/** A store in a directory: the primary owns it, and writes. */
async function prepareDirectory (config: ServerConfig, directory: string, { log, onFirstUser }: { log: Logger, onFirstUser: ((user: FirstUser) => void) | undefined }): Promise<Ground> {
  const store = await openConfiguredStore(config, { report: (error, doing) => { log.error({ err: error }, `failed in the background: ${doing}`) } })
  try {
    // Once, before there are several who would each make their own.
    await tlsOptions(config, directory)
    const firstUser = await makeFirstUser(config, directory)
    if (firstUser !== undefined) onFirstUser?.(firstUser)
    cluster.setupPrimary({ serialization: 'advanced' })
    const stop = serveWorkers(cluster, store)
    await removeLeftAffinity(directory, warnOfLeft(log))
    const affinity = await makeAffinityDirectory(directory)
    return {
      affinity: affinity.path,
      metrics: store.metrics,
      async close () {
        stop()
        await affinity.close()
        await store.close()
      }
    }
  } catch (error) {
    await store.close()
    throw error
  }
}

/** A store in a database: each worker opens it for itself. What would keep all of them from that is said here, once. */
async function prepareShared (config: ServerConfig, log: Logger): Promise<Ground> {
  await checkShared(config)
  const store = await openConfiguredStore(config, {
    report: (error, doing) => { log.error({ err: error }, `failed in the background: ${doing}`) },
    waiting: error => { log.warn({ err: error }, storeAwaited) },
    notice: sentence => { log.warn(sentence) },
    changes: { sweepInterval: 0 }
  })
  await store.close()
  await removeLeftAffinity(undefined, warnOfLeft(log))
  const affinity = await makeAffinityDirectory(undefined)
  return { affinity: affinity.path, close: async () => { await affinity.close() } }
}

const warnOfLeft = (log: Logger) => (error: unknown, directory: string): void => { log.warn({ err: error, directory }, leftAffinity) }

/** The workers, as many as there should be. */
class Crew {
  #ending = false
  readonly #respites = new Set<NodeJS.Timeout>()
  readonly #serving = new Set<Worker>()

  constructor (readonly count: number, readonly affinity: string, readonly log: Logger) {}

  async start (): Promise<string> {
    const urls = await Promise.all(Array.from({ length: this.count }, async () => await this.#begin()))
    return urls[0] ?? ''
  }

  /** Starts one; resolves with its URL when it listens. */
  async #begin (): Promise<string> {
    const worker = cluster.fork({ [affinityVariable]: this.affinity })
    endUntaken(worker)
    const began = performance.now()
    return await new Promise<string>((resolve, reject) => {
      let listens = false
      worker.on('message', (message: unknown) => {
        if (!isListening(message)) return
        listens = true
        this.#serving.add(worker)
        resolve(message.url)
      })
      worker.once('exit', (code, signal) => {
        this.#serving.delete(worker)
        if (listens) this.#replace(worker, performance.now() - began, { code, signal })
        else reject(new WorkerError(`A worker ended with ${signal ?? code} before it listened; it has said why`))
      })
    })
  }

  #replace (worker: Worker, lived: number, how: { code: number | null, signal: string | null }): void {
    if (this.#ending) return
    this.log.error({ worker: worker.id, ...how }, 'a worker died; another takes its place')
    const timer = setTimeout(() => {
      this.#respites.delete(timer)
      this.#begin().catch((error: unknown) => {
        if (this.#ending) return
        this.log.error({ err: error }, 'the new worker did not start')
        this.#replace(worker, 0, how)
      })
    }, lived < respite ? respite : 0)
    this.#respites.add(timer)
  }

  async end (milliseconds: number): Promise<void> {
    this.#ending = true
    for (const timer of this.#respites) clearTimeout(timer)
    await Promise.all(Object.values(cluster.workers ?? {}).map(async worker => {
      if (worker === undefined || worker.isDead()) return
      const gone = once(worker, 'exit')
      // One that does not serve yet does not hear messages either, and has nothing to bring to an end.
      if (this.#serving.has(worker) && worker.isConnected()) worker.send({ kind: endMessage })
      else worker.process.kill('SIGKILL')
      const timer = setTimeout(() => { worker.process.kill('SIGKILL') }, milliseconds)
      await gone
      clearTimeout(timer)
    }))
  }
}

/**
 * Calls `end` when the primary says that it is time. A worker that serves listens to no signal: each comes to the primary, too, and a second
 * one, from there, would cut the requests that the first one lets finish.
 */
export function whenPrimaryEnds (end: () => void): void {
  for (const signal of groupSignals) process.on(signal, () => {})
  process.on('message', (message: unknown) => {
    if (typeof message === 'object' && message !== null && 'kind' in message && message.kind === endMessage) end()
  })
}

/** A worker's part: the server over the store of the primary, or over one that it opens itself. */
export async function buildWorker (config: ServerConfig): Promise<WorkerServer> {
  const data = storeDirectory(config)
  let server: BuiltServer | undefined
  const store = data === undefined
    ? undefined
    : await openWorkerStore({ directory: data, ...storeOptions(config) }, (error, doing) => { server?.app.log.error({ err: error }, `failed in the background: ${doing}`) })
  const directory = process.env[affinityVariable]
  const name = `w${cluster.worker?.id ?? 0}`
  let share: (() => Promise<readonly Family[]>) | undefined
  const built = server = await buildServer(config, {
    metrics: { name, collect: async own => await (share ?? own)() },
    ...store !== undefined && { store },
    ...directory !== undefined && { affinity: { worker: name, directory } }
  })
  const { metrics } = built
  if (metrics !== undefined) share = shareMetrics(async () => await metrics.collect())
  return {
    ...built,
    listening (url) { process.send?.({ kind: 'fastify-cdmi listening', url } satisfies Listening) }
  }
}
