/** The server that is attacked: a process of its own with a store on a disk, and what of it can be read from outside. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { openTables } from '../../storage/embedded/tables.js'
import { commandLine, plainNode } from '../helpers/plain-node.js'
import { scrape } from '../helpers/scrape.js'
import { runCommand } from '../helpers/server-process.js'
import type { Secrets } from './judge.js'

export interface Readings {
  /** Bytes of memory that are not files: what LMDB maps does not count. */
  readonly memory: number
  readonly descriptors: number
  /** Files and directories in its directory of temporary files. */
  readonly temporary: number
  /** Uploads and sockets that the server believes to be open. */
  readonly open: number
}

/** What is left of a store after a sweep, in rows. All are 0 in a store that keeps nothing but its objects. */
export interface Leftovers {
  readonly leases: number
  readonly trash: number
  readonly doomed: number
  readonly orphans: number
}

const password = 'the password of the fuzz'
/** Bytes. Else what is asked to be serialized has what was serialized before in it, again and again, until the disk is full. */
const longestValue = 8 * 1024 * 1024
/** On a machine with much memory garbage lies about for long, and looks like what is kept. What is kept for good ends such a server. */
const smallHeap = '--max-old-space-size=128'

export class Subject {
  readonly #directory: string
  readonly #child: ChildProcess
  /** Lines of the log that should not be there. */
  readonly surprises: string[] = []
  readonly #ended: Promise<unknown>
  alive = true
  origin = ''
  #rest = ''

  private constructor (directory: string, child: ChildProcess) {
    this.#directory = directory
    this.#child = child
    this.#ended = once(child, 'exit').then(() => { this.alive = false })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => { this.#log(text) })
  }

  /** Starts it on an empty store below `parent`. */
  static async start (parent = tmpdir(), flags: readonly string[] = []): Promise<Subject> {
    const directory = await mkdtemp(join(resolve(parent), 'fastify-cdmi-fuzz-'))
    await mkdir(join(directory, 'tmp'))
    const child = spawn(...plainNode(smallHeap, commandLine, 'serve', '--data', join(directory, 'store'), '--host', '127.0.0.1', '--port', '0', '--limits-value', String(longestValue), ...flags), { env: { ...process.env, ADMIN_USER: 'admin', ADMIN_PASSWORD: password, TMPDIR: join(directory, 'tmp') }, stdio: ['ignore', 'pipe', 'pipe'] })
    const subject = new Subject(directory, child)
    let printed = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => { printed += text })
    while (subject.origin === '') {
      if (child.stdout === null || !subject.alive) throw new Error(`the server did not start: ${printed} ${subject.surprises.join('\n')}`)
      await Promise.race([once(child.stdout, 'data'), subject.#ended])
      subject.origin = /fastify-cdmi is at (http:\/\/\S+:\d+)\/ /.exec(printed)?.[1] ?? ''
    }
    return subject
  }

  get authorization (): string {
    return 'Basic ' + Buffer.from(`admin:${password}`).toString('base64')
  }

  get address (): { host: string, port: number } {
    const { hostname, port } = new URL(this.origin)
    return { host: hostname, port: Number(port) }
  }

  get secrets (): Secrets {
    return { paths: [this.#directory, resolve('build'), resolve('.')], texts: [password, '$scrypt'] }
  }

  /** An error of the server's own is a surprise, whatever was asked; so is what is no line of the log, such as a warning of Node. */
  #log (text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === '' || this.surprises.length > 50) continue
      if (!line.startsWith('{') || /"level":[56]0/.test(line) || line.includes(password)) this.surprises.push(line.slice(0, 2000))
    }
  }

  async readings (): Promise<Readings> {
    const proc = `/proc/${this.#child.pid}`
    const status = await readFile(`${proc}/status`, 'utf8')
    return {
      memory: Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024,
      descriptors: (await readdir(`${proc}/fd`)).length,
      temporary: (await readdir(join(this.#directory, 'tmp'), { recursive: true })).length,
      open: [...await scrape(this.origin, this.authorization)].reduce((sum, [name, value]) => /^cdmi_(?:uploads_in_flight|sockets_open\b)/.test(name) ? sum + value : sum, 0)
    }
  }

  /**
   * Readings when connections have come to their ends, and what they held has been let go of: as soon as `enough` says so, or later. A session of
   * polling that a case has begun, and nobody has gone on with, ends when it has answered no heartbeat: 45 seconds after that.
   */
  async settled (enough: (readings: Readings) => boolean): Promise<Readings> {
    for (let tries = 0; tries < 350; tries++) {
      const readings = await this.readings()
      if (enough(readings)) return readings
      await delay(200)
    }
    return await this.readings()
  }

  /** Ends it as an operator would; answers its exit code. */
  async stop (): Promise<number | null> {
    this.#child.kill('SIGTERM')
    await this.#ended
    return this.#child.exitCode
  }

  /** A round of the sweeper on the store of a server that has ended, then what is left; and what `verify` finds. */
  async examine (): Promise<{ leftovers: Leftovers, verified: { code: number | null, said: string } }> {
    const data = join(this.#directory, 'store')
    const swept = await runCommand(['sweep', '--data', data, '--trash-grace', '0'])
    if (swept.code !== 0) throw new Error(`the sweep failed: ${swept.stderr}`)
    const tables = openTables(data)
    const entries = (name: keyof Leftovers): number => (tables[name].getStats() as { entryCount: number }).entryCount
    // The sweep has one of its own, which the next process closes.
    const leftovers = { leases: entries('leases') - 1, trash: entries('trash'), doomed: entries('doomed'), orphans: entries('orphans') }
    await tables.env.close()
    const { code, stdout, stderr } = await runCommand(['verify', '--data', data])
    return { leftovers, verified: { code, said: code === 0 ? stdout.trim() : `${stdout} ${stderr}`.trim() } }
  }

  /** Kills it, if it lives, and removes its files. */
  async remove (): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
    await rm(this.#directory, { recursive: true, force: true })
  }
}
