/** `fastify-cdmi serve`: one process, or several under one. Ends gently on a signal. */
import cluster from 'node:cluster'
import { setFlagsFromString } from 'node:v8'
import closeWithGrace from 'close-with-grace'
import { buildServer, type BuiltServer } from '../server.js'
import type { ServerConfig } from '../schemas/config.js'
import { endingTime, storeDirectory } from '../server/store-config.js'
import { hideSecrets } from '../server/url-secrets.js'
import type { FirstUser } from '../server/first-user.js'
import { removeLeftAffinity } from './affinity-directory.js'
import { buildWorker, groupSignals, leftAffinity, startWorkers, whenPrimaryEnds } from './workers.js'
import { configOf, type Flags } from './config-flags.js'

/** Milliseconds beyond what an end may take after which one that does not come to an end is forced. */
const patience = 15_000

export async function serve (flags: Flags): Promise<void> {
  // What is under way for long, like uploads, teaches V8 to make objects of its kind as old ones at once. From then on all that hangs on them stays until memory
  // is looked through whole, though no request lives so long.
  setFlagsFromString('--no-allocation-site-pretenuring')
  const config = configOf(flags)
  if (cluster.isWorker) {
    await serveAsWorker(config)
  } else if ((config.workers ?? 1) > 1) {
    const workers = await startWorkers(config, { onFirstUser: showFirstUser })
    endOnSignal(config, workers.close)
    announce(workers.url)
  } else {
    const server = await buildServer(config, { onFirstUser: showFirstUser })
    // There may have been workers the last time.
    await removeLeftAffinity(storeDirectory(config), (error, directory) => { server.app.log.warn({ err: error, directory }, leftAffinity) })
    const url = await listenOrClose(server)
    endOnSignal(config, server.close)
    announce(url)
  }
}

async function serveAsWorker (config: ServerConfig): Promise<void> {
  try {
    const worker = await buildWorker(config)
    const url = await listenOrClose(worker)
    whenPrimaryEnds(endOnSignal(config, worker.close, groupSignals))
    worker.listening(url)
  } catch (error) {
    // Or the channel to the primary would keep this process alive.
    cluster.worker?.disconnect()
    throw error
  }
}

async function listenOrClose (server: BuiltServer): Promise<string> {
  try {
    return await server.listen()
  } catch (error) {
    await server.close()
    throw error
  }
}

/**
 * The exit code is 0 when everything ended, also when connections had to be cut; 1 when something failed. `skip`: signals that mean
 * nothing here. Answers what begins the end without a signal.
 */
function endOnSignal (config: ServerConfig, close: () => Promise<unknown>, skip: readonly closeWithGrace.AllEvents[] = []): () => void {
  const delay = endingTime(config) + patience
  const grace = closeWithGrace({ delay, skip: [...skip] }, async ({ err }) => {
    if (err !== undefined) process.stderr.write(hideSecrets(`fastify-cdmi: ${err.stack ?? err.message}\n`))
    await close()
  })
  return grace.close
}

function announce (url: string): void {
  process.stdout.write(`fastify-cdmi is at ${url}/ (Ctrl-C ends it)\n`)
}

function showFirstUser ({ name, password, file }: FirstUser): void {
  process.stdout.write(`
This store has no users yet, so one was made. The password is shown only now; its hash is in ${file}.

    user:     ${name}
    password: ${password}

`)
}
