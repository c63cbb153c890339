/**
 * Flips one bit of meta.lmdb after the other, each in a fresh copy of a store, reads all there is, and looks at the store with verify. Prints one line of JSON for each.
 * LMDB may end the process: then the test starts another one behind that bit. Arguments: directory of the store, a directory to work in, seed, first and last number.
 */
import { access, cp, link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import fastify from 'fastify'
import { recordProblem } from '../../../cdmi/check-record.js'
import { cdmi } from '../../../index.js'
import { verifyEmbedded } from '../../../storage/embedded/verify/verify-embedded.js'
import { openStore } from '../../../storage/open-store.js'
import { filesBelow } from '../verify-store.js'

const [template = '', work = '', seed = 0, first = 0, last = 0] = process.argv.slice(2).map((text, at) => at < 2 ? text : Number(text)) as [string, string, number, number, number]

/** Mulberry32: the same numbers for the same seed, on every machine. */
function random (of: number): () => number {
  let state = of >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let next = Math.imul(state ^ (state >>> 15), state | 1)
    next ^= next + Math.imul(next ^ (next >>> 7), next | 61)
    return ((next ^ (next >>> 14)) >>> 0) / 2 ** 32
  }
}

type Answers = Map<string, { readonly status: number, readonly body: string }>

/** What verify and readers have to be able to say the same about every time. */
function lasting (body: string): string {
  return body.replace(/"(?:cdmi_atime|cdmi_acount)":"[^"]*",?/g, '')
}

/** All that clients can read, by the names that a sound store has. */
async function readAll (directory: string, urls: readonly string[] | undefined): Promise<{ answers: Answers, events: string[] | undefined }> {
  const store = await openStore({ directory, sweepInterval: 0, scrubRate: 0 }, () => {})
  const app = fastify()
  try {
    await app.register(cdmi, { store, anonymous: 'write' })
    const answers: Answers = new Map()
    const ask = async (url: string, accept: string): Promise<string> => {
      const { statusCode: status, rawPayload } = await app.inject({ url, headers: { accept } }).catch(() => ({ statusCode: 599, rawPayload: Buffer.alloc(0) }))
      const body = lasting(rawPayload.toString('latin1'))
      answers.set(`${accept} ${url}`, { status, body })
      return body
    }
    const walk = async (url: string): Promise<void> => {
      const { children } = JSON.parse(await ask(url, 'application/cdmi-container')) as { children: string[] }
      await ask(url, 'application/json')
      for (const [place, name] of children.entries()) {
        const below = url + name.split('/').map(encodeURIComponent).join('/')
        if (name.endsWith('/')) await walk(below)
        // One half by each door.
        else if (!name.endsWith('?')) await ask(below, place % 2 === 0 ? '*/*' : 'application/cdmi-object')
      }
    }
    if (urls === undefined) await walk('/')
    else for (const one of urls) await ask(one.slice(one.indexOf(' ') + 1), one.slice(0, one.indexOf(' ')))
    const events = await store.meta.events(0, 10_000).then(all => all.map(event => JSON.stringify(event)), () => undefined)
    return { answers, events }
  } finally {
    await app.close()
    await store.close()
  }
}

/** Values are shared with the template, but each copy may lose its own names of them. */
async function linkValues (to: string): Promise<void> {
  for (const name of values) {
    await mkdir(dirname(join(to, name)), { recursive: true })
    await link(join(template, 'blobs', name), join(to, name))
  }
}

/** What the sweeper takes for garbage, of a store that has none. */
async function wronglySwept (directory: string): Promise<string[]> {
  const store = await openStore({ directory, trashGrace: 0, sweepInterval: 0, scrubRate: 0 }, () => {})
  // What it cannot do it leaves.
  await store.sweep().catch(() => {})
  await store.close()
  const gone: string[] = []
  for (const name of values) await access(join(directory, 'blobs', name)).catch(() => { gone.push(name) })
  return gone
}

async function copyTo (directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true })
  await mkdir(directory, { recursive: true })
  for (const name of ['format.json', 'meta.lmdb']) await cp(join(template, name), join(directory, name))
  await linkValues(join(directory, 'blobs'))
}

const values = await filesBelow(join(template, 'blobs'))
await copyTo(join(work, 'sound'))
const expected = await readAll(join(work, 'sound'), undefined)
const urls = [...expected.answers.keys()]
const sound = await readFile(join(template, 'meta.lmdb'))
// The file is longer than what is in it, so that a full disk leaves some room.
const used = sound.findLastIndex(byte => byte !== 0) + 1

for (let n = first; n <= last; n++) {
  const next = random(seed * 1_000_003 + n)
  const [at, bit] = [Math.floor(next() * used), Math.floor(next() * 8)]
  process.stdout.write(`${JSON.stringify({ n, at, bit, begun: 'verify' })}\n`)
  const directory = join(work, `flip-${n}`)
  await copyTo(directory)
  const bytes = Buffer.from(sound)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
  await writeFile(join(directory, 'meta.lmdb'), bytes)
  const found: string[] = []
  const failed = await verifyEmbedded(directory, { checkRecord: recordProblem }, ({ problem }) => { found.push(problem) }).then(() => undefined, (error: unknown) => String(error))
  process.stdout.write(`${JSON.stringify({ n, begun: 'read', found, failed })}\n`)
  const wrong: string[] = []
  const refused: number[] = []
  let opened: string | undefined
  try {
    const { answers, events } = await readAll(directory, urls)
    for (const [url, { status, body }] of expected.answers) {
      const answer = answers.get(url)
      if (answer?.status === status && answer.body === body) continue
      if (answer === undefined || answer.status < 400) wrong.push(`${url}: ${status} ${body.slice(0, 300)} | ${String(answer?.status)} ${answer?.body.slice(0, 300) ?? ''}`)
      else refused.push(answer.status)
    }
    if (events !== undefined && expected.events !== undefined && events.slice(0, expected.events.length).some((event, place) => event !== expected.events?.[place])) wrong.push('events')
    if (events !== undefined && events.length < (expected.events?.length ?? 0)) wrong.push('fewer events')
    wrong.push(...(await wronglySwept(directory)).map(name => `the sweeper has removed ${name}`))
  } catch (error) {
    opened = String(error)
  }
  process.stdout.write(`${JSON.stringify({ n, done: true, found, failed, wrong, refused, opened })}\n`)
  await rm(directory, { recursive: true, force: true })
}
