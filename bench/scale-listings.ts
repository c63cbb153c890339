/** Whole listings of a container of many objects: time, and what memory they need. */
import { request } from 'undici'
import type { BenchServer } from './child-server.js'
import { keyOf } from './fill.js'
import { memoryOf, mostMemory } from './process-memory.js'
import type { Section } from './results.js'
import { type Launch, startOn } from './servers.js'

const mebibyte = 1024 ** 2
/** Milliseconds between two looks at the memory of the server. */
const look = 10

const listings = [
  { title: 'keyed list, `GET /data`', path: '/data', accept: '*/*', namesPerObject: 1 },
  { title: 'container as JSON', path: '/cdmi/2.0.0/data/', accept: 'application/json', namesPerObject: 1 },
  { title: 'container as HTML', path: '/cdmi/2.0.0/data/', accept: 'text/html', namesPerObject: 2 }
] as const
type Listing = typeof listings[number]

export async function measureListings (stores: ReadonlyArray<{ readonly objects: number, readonly data: string }>, launch: Launch): Promise<Section> {
  const rows = []
  for (const { objects, data } of stores) for (const listing of listings) rows.push(await measure(data, objects, listing, launch))
  return {
    name: 'listings',
    title: 'Whole listings',
    columns: [
      { key: 'objects', title: 'objects' }, { key: 'title', title: 'whole listing' }, { key: 'size', title: 'size, MiB' }, { key: 'seconds', title: 'time, s', digits: 1 },
      { key: 'anonymous', title: 'growth of Pss_Anon, MiB' }, { key: 'resident', title: 'growth of Pss, MiB' }
    ],
    rows,
    notes: ['Pss_Anon is what the process needs for itself. Pss also counts the pages of `meta.lmdb` that the system has mapped; it takes them back when it needs the memory.']
  }
}

/** A server of its own for each listing, so that none profits from memory that another one took. */
async function measure (data: string, objects: number, listing: Listing, launch: Launch): Promise<Section['rows'][number]> {
  const server = await startOn(data, launch)
  try {
    // The log-in with its hash, and the code, are not what is measured.
    await read(server, { ...listing, path: `${listing.path}?limit=1000` })
    const before = memoryOf(server.pids)
    const began = performance.now()
    let [bytes, names] = [0, 0]
    const most = await mostMemory(server.pids, look, async () => { ({ bytes, names } = await read(server, listing)) })
    const seconds = (performance.now() - began) / 1000
    if (names !== objects * listing.namesPerObject) throw new Error(`${listing.title} has ${names} names`)
    return { objects, title: listing.title, size: bytes / mebibyte, seconds, anonymous: (most.anonymous - before.anonymous) / mebibyte, resident: (most.resident - before.resident) / mebibyte }
  } finally {
    await server.stop()
  }
}

/** Reads it all and keeps nothing; counts what looks like a name of ours. */
async function read (server: BenchServer, { path, accept }: { path: string, accept: string }): Promise<{ bytes: number, names: number }> {
  const { statusCode, body } = await request(server.url + path, { headers: { accept, authorization: server.authorization ?? '' } })
  if (statusCode !== 200) throw new Error(`${path} answered ${statusCode}`)
  const sign = keyOf(0).slice(0, 7)
  let bytes = 0
  let names = 0
  let tail = ''
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    // A sign may be cut by the end of a chunk, but none fits into what is kept.
    const text = tail + chunk.toString('latin1')
    for (let at = text.indexOf(sign); at >= 0; at = text.indexOf(sign, at + 1)) names++
    tail = text.slice(1 - sign.length)
  }
  return { bytes, names }
}
