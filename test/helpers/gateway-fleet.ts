/** Some gateways on one store, each a process of its own that may be killed, or stopped for a while as if its machine slept. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { Agent, request } from 'undici'
import type { DistributedStoreOptions } from '../../schemas/store-options.js'
import { eventually } from './eventually.js'
import type { Target } from './load-client.js'
import { plainNode } from './plain-node.js'

export interface GatewayProcess extends Target {
  readonly child: ChildProcess
  /** As the database knows its connections. */
  readonly name: string
}

export class Fleet {
  readonly #t: Test
  readonly #options: DistributedStoreOptions
  readonly #others: Partial<DistributedStoreOptions>
  #awake: GatewayProcess[] = []
  #started = 0
  /** What gateways told of themselves that must never happen. */
  readonly faults: string[] = []
  /** Names of those that were killed. */
  readonly dead: string[] = []

  /** `others`: what every second gateway has different. */
  constructor (t: Test, options: DistributedStoreOptions, others: Partial<DistributedStoreOptions> = {}) {
    this.#t = t
    this.#options = options
    this.#others = others
  }

  /** Those that take requests. */
  get awake (): readonly GatewayProcess[] { return this.#awake }

  /** Starts so many, at once. */
  async start (count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, async () => { this.#awake.push(await this.#spawn()) }))
  }

  async #spawn (): Promise<GatewayProcess> {
    const options = this.#started % 2 === 0 ? this.#options : { ...this.#options, ...this.#others }
    const name = `gateway-${process.pid}-${this.#started++}`
    const meta = new URL(options.meta)
    meta.searchParams.set('application_name', name)
    const file = fileURLToPath(new URL('./gateway-server.js', import.meta.url))
    const child = spawn(...plainNode(file, JSON.stringify({ ...options, meta: meta.href })), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const dispatcher = new Agent({ connections: 64, bodyTimeout: 60_000, headersTimeout: 60_000 })
    this.#t.teardown(async () => {
      child.kill('SIGKILL')
      await dispatcher.destroy()
    })
    child.on('message', ({ fault }: { fault?: string }) => { if (fault !== undefined) this.faults.push(`${name}: ${fault}`) })
    const origin = await Promise.race([
      once(child, 'message').then(([message]) => (message as { origin: string }).origin),
      once(child, 'exit').then(([code]) => { throw new Error(`${name} ended with ${String(code)} at its start`) })
    ])
    return { origin, dispatcher, child, name }
  }

  /** Any of those that are awake. */
  choose (): GatewayProcess {
    const found = this.#awake[randomInt(Math.max(1, this.#awake.length))]
    if (found === undefined) throw Object.assign(new Error('no gateway is there'), { code: 'ECONNREFUSED' })
    return found
  }

  /** SIGKILL for so many of them; nobody sends them anything more. */
  async kill (count: number): Promise<void> {
    const victims = this.#awake.splice(0, count)
    await Promise.all(victims.map(async ({ child, name }) => {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
      this.dead.push(name)
    }))
  }

  /** One that stands still from now on, with all that is under way in it, and gets no new requests. */
  freeze (gateway = this.choose()): { thaw (): void } {
    this.#awake = this.#awake.filter(other => other !== gateway)
    gateway.child.kill('SIGSTOP')
    return {
      thaw: () => {
        gateway.child.kill('SIGCONT')
        this.#awake.push(gateway)
      }
    }
  }

  /** Resolves when each of them can write and read, values elsewhere included: by itself, nobody starts it again. */
  async healed (url: string): Promise<void> {
    const value = Buffer.alloc(20_000, 'healed?')
    await Promise.all(this.#awake.map(async gateway => {
      const { origin, dispatcher, name } = gateway
      await eventually(`${name} works again`, async () => {
        try {
          const put = await request(`${origin}${url}${name}`, { method: 'PUT', body: value, ...dispatcher !== undefined && { dispatcher } })
          await put.body.dump()
          if (put.statusCode >= 300) return false
          const got = await request(`${origin}${url}${name}`, { ...dispatcher !== undefined && { dispatcher } })
          return value.equals(Buffer.from(await got.body.arrayBuffer()))
        } catch {
          return false
        }
      })
    }))
  }
}
