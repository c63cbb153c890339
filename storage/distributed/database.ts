/**
 * The way to PostgreSQL: a bounded number of connections, a bounded queue for them, and an end to every wait. Whatever breaks heals
 * with the next connection; nothing has to be opened again.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Client, type ClientConfig, Pool, type PoolClient } from 'pg'
import { StorageError } from '../contract.js'
import { isBroken, isCollision, toDatabaseError } from './database-errors.js'

export interface DatabaseOptions {
  /** As `pg` takes it. */
  readonly url: string
  readonly connections: number
  readonly queue: number
  readonly databaseTimeout: number
  readonly connectTimeout: number
}

/** A statement that each connection parses once. */
export interface Statement {
  readonly name: string
  readonly text: string
}

export interface Attempts {
  /** How many times as long as others it may take. Default: 1. */
  readonly patience?: number
  /** It may be done twice: when a connection breaks, another one is asked. Default: true. */
  readonly repeatable?: boolean
  /** What else is worth another attempt beside deadlocks and failed serializations. */
  readonly again?: (error: unknown) => boolean
}

/** Attempts before those who are always in the way win; and the longest pause between two, in milliseconds. */
const attempts = 20
const longestPause = 100
/** Milliseconds that the server has to give up before this side does. */
const margin = 1000
/** A connection that is not used goes; so that after a failover none is left that leads to the old server. */
const idleTimeout = 30_000

export class Database {
  readonly #pool: Pool
  readonly #options: DatabaseOptions
  readonly #config: ClientConfig
  readonly #running = new Set<Promise<unknown>>()
  #closed = false

  constructor (options: DatabaseOptions) {
    this.#options = options
    const { url, connections, databaseTimeout, connectTimeout } = options
    this.#config = {
      connectionString: url,
      connectionTimeoutMillis: connectTimeout,
      query_timeout: databaseTimeout + margin,
      keepAlive: true,
      application_name: 'fastify-cdmi'
    }
    this.#pool = new Pool({ ...this.#config, max: connections, idleTimeoutMillis: idleTimeout, onConnect: async client => { await client.query(this.#settings()) } })
    // A connection that breaks while nobody uses it is no failure: it leaves the pool, and who needs one gets another or learns why not.
    this.#pool.on('error', () => {})
    // One that breaks in use fails its query, too: that is where it is told.
    this.#pool.on('connect', client => { client.on('error', () => {}) })
  }

  /** Said to each connection, and not in its start-up packet, which poolers refuse. */
  #settings (): string {
    const { databaseTimeout } = this.#options
    const settings = {
      statement_timeout: databaseTimeout,
      idle_in_transaction_session_timeout: databaseTimeout,
      default_transaction_isolation: "'read committed'",
      client_min_messages: 'warning',
      // Plans are made when a table may be nearly empty, and kept while it grows: every look-up goes by an index, whatever its size is.
      enable_seqscan: 'off',
      enable_hashjoin: 'off',
      enable_mergejoin: 'off',
      plan_cache_mode: 'force_generic_plan',
      // A look-up never gains what compiling it costs.
      jit: 'off'
    }
    return Object.entries(settings).map(([name, value]) => `set ${name} = ${value}`).join('; ')
  }

  /**
   * Runs one statement, a transaction of its own, and answers its rows. Throws a StorageError 'unavailable' when the database does
   * not answer, or when too many wait already. `doing` is half a sentence for that error.
   */
  async rows<Row extends unknown[]> (statement: Statement, values: readonly unknown[], doing: string, { repeatable = true, again, patience = 1 }: Attempts = {}): Promise<Row[]> {
    return await this.#tracked(async () => {
      let broken = 0
      for (let attempt = 1; ; attempt++) {
        const client = await this.#connect(doing)
        const since = performance.now()
        try {
          const rows = await this.#query<Row>(client, statement, values, patience)
          client.release()
          return rows
        } catch (error) {
          const lost = isBroken(error)
          // A transaction that it is in ends with the connection.
          client.release(lost || patience > 1)
          // A connection may have died while it waited in the pool: that takes no time to find out.
          const stale = lost && repeatable && broken++ === 0 && performance.now() - since < margin
          const collided = isCollision(error) || again?.(error) === true
          if (!stale && !(collided && attempt < attempts)) throw toDatabaseError(error, doing)
        }
        await delay(Math.random() * Math.min(longestPause, 2 ** attempt))
      }
    })
  }

  async #query<Row extends unknown[]> (client: PoolClient, statement: Statement, values: readonly unknown[], patience: number): Promise<Row[]> {
    const time = this.#options.databaseTimeout * patience
    const config = { ...statement, values: [...values], rowMode: 'array' as const, query_timeout: time + margin }
    if (patience === 1) return (await client.query<Row>(config)).rows
    await client.query(`begin; set local statement_timeout = ${time}`)
    const { rows } = await client.query<Row>(config)
    await client.query('commit')
    return rows
  }

  /** Runs several statements on one connection. */
  async session<T> (doing: string, work: (client: PoolClient) => Promise<T>): Promise<T> {
    return await this.#tracked(async () => {
      const client = await this.#connect(doing)
      try {
        const result = await work(client)
        client.release()
        return result
      } catch (error) {
        // Whatever it was in the middle of ends with the connection.
        client.release(true)
        throw toDatabaseError(error, doing)
      }
    })
  }

  async #connect (doing: string): Promise<PoolClient> {
    const { queue, connections } = this.#options
    const { waitingCount, idleCount, totalCount } = this.#pool
    if (waitingCount >= queue + idleCount + connections - totalCount) throw new StorageError('unavailable', `${doing}: ${waitingCount} operations wait for the database already`)
    try {
      return await this.#pool.connect()
    } catch (error) {
      throw toDatabaseError(error, doing)
    }
  }

  async #tracked<T> (work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new StorageError('unavailable', 'The store is closed')
    const running = work()
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  /** A connection beside the pool, for who listens. The caller connects and ends it. */
  client (): Client {
    return new Client(this.#config)
  }

  /** Connections that are open, those of them that nobody uses, and operations that wait for one. */
  get load (): { readonly open: number, readonly idle: number, readonly waiting: number } {
    const { totalCount, idleCount, waitingCount } = this.#pool
    return { open: totalCount, idle: idleCount, waiting: waitingCount }
  }

  /** Refuses what comes, waits for what is under way, closes the connections. */
  async close (): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await Promise.allSettled(this.#running)
    await this.patiently(this.#pool.end())
  }

  /** Waits for connections that end, but not for ever: a server that says nothing any more says no good-bye, either. */
  async patiently (end: Promise<void>): Promise<void> {
    const stop = new AbortController()
    const enough = delay(this.#options.connectTimeout, undefined, { signal: stop.signal }).catch(() => {})
    await Promise.race([end, enough])
    stop.abort()
  }
}
