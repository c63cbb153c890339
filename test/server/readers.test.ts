/** Readers of a server that is written to all the time. Every value is a stamp, over and over: a mixture of two is seen by whoever reads it. */
import t, { type Test } from 'tap'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { read, type Target } from '../helpers/load-client.js'
import { startServer } from '../helpers/server-process.js'

const root = '/cdmi/2.0.0/'
const object = { 'content-type': 'application/cdmi-object' }
const container = { 'content-type': 'application/cdmi-container' }
const stampLength = 10
/** One kept in the record, one that is not. */
const lengths = [600, 200_000] as const

const stamp = (n: number): string => `${String(n).padStart(stampLength - 1, '0')}\n`
const stamped = (n: number, length: number): string => stamp(n).repeat(length / stampLength)
/** The one stamp of a text; undefined when it is a mixture. */
function stampOf (text: string): number | undefined {
  const n = Number(text.slice(0, stampLength))
  return text === stamped(n, text.length) ? n : undefined
}

interface Answer { readonly status: number, readonly headers: Record<string, string | string[] | undefined>, readonly text: string }

class Client {
  constructor (readonly target: Target) {}

  async ask (method: 'GET' | 'PUT' | 'PATCH', path: string, headers: Record<string, string> = {}, body?: string | object): Promise<Answer> {
    const { origin, authorization, dispatcher } = this.target
    const answer = await request(origin + root + path, { method, headers: { authorization, ...headers }, body: typeof body === 'object' ? JSON.stringify(body) : body ?? null, ...dispatcher === undefined ? {} : { dispatcher } })
    const text = await answer.body.text()
    if (method !== 'GET' && answer.statusCode >= 300) throw new Error(`${method} ${path} answered ${answer.statusCode}: ${text}`)
    return { status: answer.statusCode, headers: answer.headers, text }
  }
}

/** Two workers: they share the store by its files alone. */
async function start (t: Test): Promise<Client> {
  const server = await startServer(t, join(t.testdir(), 'store'), ['--log-level', 'error', '--workers', '2'])
  const dispatcher = new Agent({ connections: 16 })
  t.teardown(async () => { await dispatcher.destroy() })
  return new Client({ ...server, dispatcher })
}

/** Reads again and again until the writer is done; answers what was wrong, and each reader must have come to read. */
async function whileWriting (t: Test, write: () => Promise<void>, ...readers: Array<(wrong: (what: string) => void) => Promise<void>>): Promise<void> {
  const found: string[] = []
  const counts = readers.map(() => 0)
  const stop = new AbortController()
  const reading = readers.map(async (reader, index) => {
    while (!stop.signal.aborted) {
      await reader(what => { found.push(`reader ${index}: ${what}`) })
      counts[index] = (counts[index] ?? 0) + 1
    }
  })
  await Promise.all([write().finally(() => { stop.abort() }), ...reading])
  t.same(found.slice(0, 20), [])
  t.ok(counts.every(count => count > 0), `${counts.join()} reads`)
}

t.test('who reads a real server while it is written to sees the old or the new, never a mixture, and never what was old when it asked', { timeout: 120_000 }, async t => {
  const client = await start(t)

  await t.test('CMV-12: values that are replaced, with their metadata: whole reads, ranges, ranges one after the other', async t => {
    let acknowledged = 0
    const writeOne = async (n: number): Promise<void> => {
      const value = stamped(n, lengths[n % 2] ?? 0)
      await client.ask('PUT', 'o', object, { mimetype: 'text/plain', metadata: { n: String(n) }, value })
      acknowledged = n
    }
    await writeOne(0)
    const whole = ({ status, text }: Answer): boolean => status === 200 && lengths[(stampOf(text) ?? -1) % 2] === text.length
    await whileWriting(t, async () => { for (let n = 1; n <= 40; n++) await writeOne(n) },
      async wrong => {
        const least = acknowledged
        const answer = await client.ask('GET', 'o')
        if (!whole(answer) || Number(stampOf(answer.text)) < least) wrong(`whole: ${answer.status}, ${answer.text.length} bytes, ${String(stampOf(answer.text))} when ${least} was acknowledged`)
      },
      async wrong => {
        const { text } = await client.ask('GET', 'o', { accept: 'application/cdmi-object' })
        const { value, metadata, valuerange } = JSON.parse(text) as { value: string, metadata: { n: string, cdmi_size: string }, valuerange: string }
        if (stampOf(value) !== Number(metadata.n) || value.length !== Number(metadata.cdmi_size) || valuerange !== `0-${value.length - 1}`) wrong(`value and metadata: ${String(stampOf(value))}, ${value.length} bytes, ${valuerange}, ${JSON.stringify(metadata)}`)
      },
      async wrong => {
        const answer = await client.ask('GET', 'o', { range: 'bytes=0-99,300-399,500-599' })
        const parts = [...answer.text.matchAll(/\r\n\r\n(\d{9}\n[^\r]*)\r\n--/g)].map(([, part = '']) => stampOf(part))
        if (answer.status !== 206 || parts.length !== 3 || new Set(parts).size !== 1 || parts[0] === undefined) wrong(`ranges at once: ${answer.status}, ${parts.join()}`)
      },
      async wrong => {
        const first = await client.ask('GET', 'o', { range: 'bytes=0-199' })
        const { etag } = first.headers
        for (let from = 200; from < 600; from += 200) {
          const next = await client.ask('GET', 'o', { range: `bytes=${from}-${from + 199}`, 'if-range': String(etag) })
          if (next.status === 200) {
            if (!whole(next)) wrong(`after a change: ${next.text.length} bytes`)
            break
          }
          if (next.status !== 206 || next.headers['etag'] !== etag || stampOf(first.text + next.text) === undefined) wrong(`ranges in turn: ${next.status}, ${stamp(stampOf(first.text) ?? 0)} and ${next.text.slice(0, stampLength)}`)
        }
      })
  })

  await t.test('CMV-12, HDO-41: halves that are replaced in turn by ranged updates', async t => {
    const half = 100_000
    await client.ask('PUT', 'halves', {}, stamped(0, half) + stamped(1, half))
    /** The halves are those of two writes, one after the other. */
    const agree = (first: string, second: string): boolean => {
      const [a, b] = [stampOf(first), stampOf(second)]
      return a !== undefined && b !== undefined && a % 2 === 0 && Math.abs(a - b) === 1
    }
    const write = async (): Promise<void> => {
      for (let n = 2; n <= 40; n++) {
        const from = n % 2 * half
        if (n % 3 === 0) await client.ask('PATCH', `halves?value=${from}-${from + half - 1}`, object, { value: Buffer.from(stamped(n, half)).toString('base64') })
        else await client.ask('PATCH', 'halves', { 'content-range': `bytes ${from}-${from + half - 1}/*` }, stamped(n, half))
      }
    }
    await whileWriting(t, write,
      async wrong => {
        const { text } = await client.ask('GET', 'halves')
        if (text.length !== 2 * half || !agree(text.slice(0, half), text.slice(half))) wrong('whole')
      },
      async wrong => {
        const { text } = await client.ask('GET', 'halves', { range: `bytes=${half - 1000}-${half + 999}` })
        if (text.length !== 2000 || !agree(text.slice(0, 1000), text.slice(1000))) wrong('a range over both')
      },
      async wrong => {
        const { text } = await client.ask('GET', `halves?value=${half - 500}-${half + 499}&metadata=cdmi_mcount`, { accept: 'application/cdmi-object' })
        const { value } = JSON.parse(text) as { value: string }
        const bytes = Buffer.from(value, 'base64').toString()
        if (!agree(bytes.slice(0, 500), bytes.slice(500))) wrong('a range in the form of CDMI')
      })
  })

  /** A container with values in the record and in files, and one in it; `odd`: the name that it has for itself. */
  const make = async (path: string, n: number, odd: string): Promise<void> => {
    for (const one of [path, `${path}d/`]) await client.ask('PUT', one, container, {})
    for (const [index, name] of ['x', 'd/z', odd].entries()) await client.ask('PUT', path + name, { 'content-type': 'text/plain; charset=utf-8' }, stamped(n, lengths[index % 2] ?? 0))
  }
  /** All that is in a container, and all IDs. */
  const seen = async (path: string): Promise<string> => {
    const state = await read(client.target, root + path)
    return typeof state === 'object' ? `${state.bytes.toString()} ${state.id}` : 'nothing'
  }

  await t.test('CMV-32, COC-30: a container that moves to and fro is whole at the old place or at the new one, under the same IDs', async t => {
    await client.ask('PUT', 'moving/', container, {})
    await make('moving/a/', 1, 'y')
    const tree = await seen('moving/a/')
    t.match(tree, /"x".*"y"/s)
    const [, id] = /"objectID":"(\w+)"/.exec((await client.ask('GET', 'moving/a/d/z', { accept: 'application/cdmi-object' })).text) ?? []
    const z = stamped(1, lengths[1])
    const places = ['a', 'b'].map(name => ({ name, path: `moving/${name}/` }))
    await whileWriting(t, async () => { for (let n = 0; n < 40; n++) await client.ask('PUT', n % 2 === 0 ? 'moving/b/' : 'moving/a/', container, { move: n % 2 === 0 ? '/moving/a/' : '/moving/b/' }) },
      async wrong => {
        for (const { path } of places) {
          const found = await seen(path)
          if (found !== tree && found !== 'nothing') wrong(`${path} has ${found.replace(/(\d{9}\\n)+/g, '$1')}`)
        }
      },
      async wrong => {
        const { text } = await client.ask('GET', 'moving/', { accept: 'application/json' })
        const { children } = JSON.parse(text) as { children: string[] }
        if (children.length !== 1) wrong(`it is at ${children.join(' and ')}`)
      },
      async wrong => {
        for (const { path } of places) {
          const { status, text } = await client.ask('GET', `${path}d/z`)
          if (status === 200 ? text !== z : status !== 404) wrong(`${path}d/z: ${status}`)
        }
      },
      async wrong => {
        const { status, text } = await client.ask('GET', `cdmi_objectid/${id}`)
        if (status !== 200 || text !== z) wrong(`by its ID: ${status}`)
      })
  })

  await t.test('CMV-12, CMV-28, COC-66: a container that is made like others in turn, and copied meanwhile', async t => {
    await client.ask('PUT', 'copies/', container, {})
    const sources = ['even/', 'odd/'] as const
    for (const [n, path] of sources.entries()) await make(path, n, `y${n}`)
    const trees = await Promise.all(sources.map(seen))
    const withoutIDs = (tree: string): string => tree.replace(/\][^\]]*$/, ']')
    await client.ask('PUT', 'like/', container, { copy: '/even/' })
    const checked = new Set<string>()
    const checkCopies = async (wrong: (what: string) => void): Promise<void> => {
      const { text } = await client.ask('GET', 'copies/', { accept: 'application/json' })
      const { children } = JSON.parse(text) as { children: string[] }
      for (const name of children.filter(name => !checked.has(name))) {
        const found = withoutIDs(await seen(`copies/${name}`))
        if (!trees.some(tree => withoutIDs(tree) === found)) wrong(`${name} is no copy: ${found.replace(/(\d{9}\\n)+/g, '$1')}`)
        checked.add(name)
      }
    }
    const write = async (): Promise<void> => { for (let n = 1; n <= 30; n++) await client.ask('PATCH', 'like/', container, { copy: `/${sources[n % 2] ?? ''}` }) }
    const copy = async (stop: AbortSignal): Promise<void> => { for (let n = 0; !stop.aborted; n++) await client.ask('PUT', `copies/c${n}/`, container, { copy: '/like/' }) }
    const writing = async (): Promise<void> => {
      const stop = new AbortController()
      await Promise.all([write().finally(() => { stop.abort() }), copy(stop.signal)])
    }
    await whileWriting(t, writing, checkCopies,
      async wrong => {
        const { status, text } = await client.ask('GET', 'like/', { accept: 'application/json' })
        const names = status === 200 ? (JSON.parse(text) as { children: string[] }).children.join() : String(status)
        if (names !== 'd/,x,y0' && names !== 'd/,x,y1') wrong(`it has ${names}`)
      },
      async wrong => {
        const { status, text } = await client.ask('GET', 'like/d/z')
        if (status !== 200 || text.length !== lengths[1] || stampOf(text) === undefined) wrong(`d/z: ${status}, ${text.length} bytes`)
      })
    await checkCopies(what => { t.fail(what) })
    t.ok(checked.size > 0, `${checked.size} copies`)
  })
})
