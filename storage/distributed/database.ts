/**
 * The way to PostgreSQL: a bounded number of connections, a bounded queue for them, and an end to every wait. Whatever breaks heals
 * with the next connection, which looks for the primary anew; nothing has to be opened again.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Client, type ClientBase, type ClientConfig, Pool, type PoolClient } from 'pg'
import { StorageError, StoreClosedError } from '../contract.js'
import { DatabaseServers } from './database-servers.js'
import { hasSqlState, isBroken, isCollision, isRefused, readOnly, sentenceOf, toDatabaseError } from './database-errors.js'

export interface DatabaseOptions {
  /** As `pg` takes them: the servers of which one is the primary. */
  readonly urls: readonly [string, ...string[]]
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
/** Milliseconds after which a silent connection is asked whether somebody is there: a machine that is gone says no good-bye. */
const keepAliveDelay = 10_000

export class Database {
  readonly #pool: Pool
  readonly #options: DatabaseOptions
  readonly #servers: DatabaseServers
  readonly #Client: new () => Client
  /** When each connection of the pool was made; and since when one that is older cannot be trusted. */
  readonly #made = new WeakMap<ClientBase, number>()
  #doubtful = 0
  readonly #running = new Set<Promise<unknown>>()
  #closed = false

  constructor (options: DatabaseOptions) {
    this.#options = options
    const { urls, connections, databaseTimeout, connectTimeout } = options
    const servers = this.#servers = new DatabaseServers(urls)
    const config: ClientConfig = {
      // Together they have the time of one.
      connectionTimeoutMillis: Math.ceil(connectTimeout / servers.count),
      query_timeout: databaseTimeout + margin,
      keepAlive: true,
      keepAliveInitialDelayMillis: keepAliveDelay,
      application_name: 'fastify-cdmi'
    }
    this.#Client = class extends Client {
      constructor () {
        super({ ...config, connectionString: servers.current })
      }
    }
    this.#pool = new Pool({
      Client: this.#Client,
      connectionTimeoutMillis: connectTimeout,
      max: connections,
      idleTimeoutMillis: idleTimeout,
      onConnect: async client => {
        await this.#greet(client)
        this.#made.set(client, performance.now())
      }
    })
    // A connection that breaks while nobody uses it is no failure: it leaves the pool, and who needs one gets another or learns why not.
    this.#pool.on('error', () => {})
    // One that breaks in use fails its query, too: that is where it is told.
    this.#pool.on('connect', client => { client.on('error', () => {}) })
  }

  /** Said to each connection, and not in its start-up packet, which poolers refuse. Throws when the server is not the primary. */
  async #greet (client: ClientBase): Promise<void> {
    const { databaseTimeout } = this.#options
    const settings = {
      statement_timeout: databaseTimeout,
      idle_in_transaction_session_timeout: databaseTimeout,
      default_transaction_isolation: 'read committed',
      client_min_messages: 'warning',
      // Plans are made when a table may be nearly empty, and kept while it grows: every look-up goes by an index, whatever its size is.
      enable_seqscan: 'off',
      enable_hashjoin: 'off',
      enable_mergejoin: 'off',
      plan_cache_mode: 'force_generic_plan',
      // A look-up never gains what compiling it costs.
      jit: 'off'
    }
    const set = Object.entries(settings).map(([name, value]) => `set_config('${name}', '${value}', false)`)
    const { rows: [server] } = await client.query<{ standby: boolean, locked: boolean }>(`select pg_is_in_recovery() as standby, current_setting('transaction_read_only')::boolean as locked, ${set.join(', ')}`)
    // A standby may be behind. One that takes no writes is better than none, but there may be another.
    if (server?.standby === true) throw new Error('the server is a standby')
    if (server?.locked === true && this.#servers.count > 1) throw new Error('the server takes no writes')
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
          if (lost) this.#doubt(since)
          // A connection may have died while it waited in the pool, or lead to a server that is the primary no more: that takes no time to find out.
          const stale = lost && (repeatable || hasSqlState(error, readOnly)) && broken++ === 0 && performance.now() - since < margin
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
      const since = performance.now()
      try {
        const result = await work(client)
        client.release()
        return result
      } catch (error) {
        // Whatever it was in the middle of ends with the connection.
        client.release(true)
        if (!(error instanceof StorageError) && isBroken(error)) this.#doubt(since)
        throw toDatabaseError(error, doing)
      }
    })
  }

  async #connect (doing: string): Promise<PoolClient> {
    const { queue, connections } = this.#options
    const { waitingCount, idleCount, totalCount } = this.#pool
    if (waitingCount >= queue + idleCount + connections - totalCount) throw new StorageError('unavailable', `${doing}: ${waitingCount} operations wait for the database already`)
    try {
      for (;;) {
        const client = await this.#atPrimary(async () => await this.#pool.connect())
        if ((this.#made.get(client) ?? 0) >= this.#doubtful) return client
        client.release(true)
      }
    } catch (error) {
      throw toDatabaseError(error, doing)
    }
  }

  /** Others that are as old as the one that broke lead to the same server: who needs a connection gets a new one. At most once in a while, for it may be the server's way of saying no. */
  #doubt (since: number): void {
    if (since > this.#doubtful + margin) this.#doubtful = since
  }

  /** Connects to one server after the other until one is the primary; each is asked once. */
  async #atPrimary<T> (connect: () => Promise<T>): Promise<T> {
    const { count } = this.#servers
    const since = performance.now()
    const errors: unknown[] = []
    for (;;) {
      const server = this.#servers.current
      try {
        return await connect()
      } catch (error) {
        errors.push(new Error(`${new URL(server).host}: ${sentenceOf(error)}`, { cause: error }))
        const late = performance.now() - since >= this.#options.connectTimeout
        // It says nothing of the server when all connections were in use for so long.
        if (!late) this.#servers.leave(server)
        if (count === 1 || isRefused(error)) throw error
        if (late || errors.length >= count) throw new AggregateError(errors, 'no server could be used')
      }
    }
  }

  async #tracked<T> (work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new StoreClosedError()
    const running = work()
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  /** A connection beside the pool, to the primary, for who listens or holds a lock. The caller ends it. */
  async client (): Promise<Client> {
    return await this.#atPrimary(async () => {
      const client = new this.#Client()
      // Who is told of its end need not be told why.
      client.on('error', () => {})
      try {
        await client.connect()
        await this.#greet(client)
        return client
      } catch (error) {
        await this.patiently(client.end().catch(() => {}))
        throw error
      }
    })
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
