/** Long values up and down, one at a time: megabytes in a second, and how much memory the server needs for it. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { ask } from './asking.js'
import type { BenchServer } from './child-server.js'
import { turned } from './measured-burst.js'
import { type Contestant, type Peer, PeerMissing } from './peers/contestant.js'
import { memoryOf, mostMemory } from './process-memory.js'
import type { Section } from './results.js'
import { type Launch, startStore } from './servers.js'
import { median, ratios } from './statistics.js'

export interface StreamsOptions {
  readonly bytes: number
  readonly rounds: number
  readonly directory: string
  readonly cache: string
  readonly peers: readonly Peer[]
  readonly launch: Launch
}

interface Side {
  readonly name: string
  readonly server: BenchServer
  readonly path: string
  readonly up: number[]
  readonly down: number[]
  /** MiB that it needed at most, more than before. */
  readonly grownUp: number[]
  readonly grownDown: number[]
}

const piece = Buffer.alloc(1024 ** 2, '0123456789abcdef')
/** Milliseconds between two looks at the memory. */
const look = 20

/** Ours by the plain door, and those peers that take a PUT of any length. */
export async function measureStreams (options: StreamsOptions): Promise<Section> {
  const { directory, cache, peers, launch, rounds, bytes } = options
  const place = await mkdtemp(join(directory, 'fastify-cdmi-streams-'))
  const sides: Side[] = []
  const missing: string[] = []
  const side = (name: string, server: BenchServer, path: string): void => { sides.push({ name, server, path, up: [], down: [], grownUp: [], grownDown: [] }) }
  try {
    const server = await startStore(directory, launch)
    side('ours, plain', server, '/cdmi/2.0.0/stream')
    for (const [index, peer] of peers.entries()) {
      const own = join(place, String(index))
      await mkdir(own)
      try {
        const contestant: Contestant = await peer.start({ directory: own, cache })
        side(peer.name, contestant.server, contestant.jobs.W4?.path + 'stream')
      } catch (error) {
        if (!(error instanceof PeerMissing)) throw error
        missing.push(`Not compared: ${error.message}.`)
      }
    }
    for (let round = 0; round <= rounds; round++) {
      // The first, short one warms up.
      for (const one of turned(sides, round)) await measure(one, round === 0 ? Math.ceil(bytes / 16) : bytes, round > 0)
    }
    return sectionOf(sides, bytes, missing)
  } finally {
    await Promise.all(sides.map(async ({ server }) => { await server.stop() }))
    await rm(place, { recursive: true, force: true })
  }
}

async function measure ({ server, path, up, down, grownUp, grownDown }: Side, bytes: number, counts: boolean): Promise<void> {
  const directions = [{ rates: up, grown: grownUp, work: send }, { rates: down, grown: grownDown, work: receive }]
  for (const { rates, grown, work } of directions) {
    const before = memoryOf(server.pids).anonymous
    const began = performance.now()
    const most = await mostMemory(server.pids, look, async () => { await work(server, path, bytes) })
    const seconds = (performance.now() - began) / 1000
    if (!counts) continue
    rates.push(bytes / 1e6 / seconds)
    grown.push((most.anonymous - before) / 2 ** 20)
  }
  await ask(server, { method: 'DELETE', path }).catch(() => {
    // nginx has no DELETE here: the next one goes over it.
  })
}

/** With its length, as curl does it. */
async function send (server: BenchServer, path: string, bytes: number): Promise<void> {
  await answerTo(server, 'PUT', path, bytes)
}

async function receive (server: BenchServer, path: string, bytes: number): Promise<void> {
  const received = await answerTo(server, 'GET', path)
  if (received !== bytes) throw new Error(`${server.name}: GET ${path} answered ${received} bytes, not ${bytes}`)
}

/** Bytes of the answer. What is sent is one piece again and again, and what is received is thrown away: the client costs little. */
async function answerTo (server: BenchServer, method: string, path: string, bytes?: number): Promise<number> {
  return await new Promise((resolve, reject) => {
    const headers = { ...(server.authorization === undefined ? {} : { authorization: server.authorization }), ...(bytes === undefined ? {} : { 'content-length': bytes, 'content-type': 'application/octet-stream' }) }
    const request = httpRequest(server.url + path, { method, headers }, response => {
      let length = 0
      response.on('data', (chunk: Buffer) => { length += chunk.length })
      response.on('error', reject)
      response.on('end', () => {
        if (response.statusCode === undefined || response.statusCode >= 300) reject(new Error(`${server.name}: ${method} ${path} answered ${response.statusCode}`))
        else resolve(length)
      })
    })
    request.on('error', reject)
    let left = bytes ?? 0
    const more = (): void => {
      while (left > 0) {
        const next = left < piece.length ? piece.subarray(0, left) : piece
        left -= next.length
        if (!request.write(next)) {
          request.once('drain', more)
          return
        }
      }
      request.end()
    }
    more()
  })
}

function sectionOf (sides: readonly Side[], bytes: number, missing: readonly string[]): Section {
  const [first] = sides
  return {
    name: 'streams',
    title: `One value of ${Math.round(bytes / 2 ** 20)} MiB up and down`,
    columns: [
      { key: 'name', title: 'who' }, { key: 'up', title: 'up, MB/s' }, { key: 'down', title: 'down, MB/s' }, { key: 'grownUp', title: 'memory more, up, MiB' }, { key: 'grownDown', title: 'memory more, down, MiB' },
      { key: 'upRatio', title: 'ours by it, up', digits: 2 }, { key: 'downRatio', title: 'down', digits: 2 }
    ],
    rows: sides.map(side => ({
      name: side.name,
      up: side.up,
      down: side.down,
      grownUp: Math.max(...side.grownUp),
      grownDown: Math.max(...side.grownDown),
      upRatio: side === first ? '' : median(ratios(first?.up ?? [], side.up)),
      downRatio: side === first ? '' : median(ratios(first?.down ?? [], side.down))
    })),
    notes: ['The client is Node.js and shares the cores. Memory is Pss_Anon: the most of all rounds.', ...missing]
  }
}
