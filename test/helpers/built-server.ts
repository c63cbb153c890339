/** The stand-alone server in the process of the test, on a port that the system chose, over a store in memory; and a way to ask it. */
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { hashPassword } from '../../plugins/password.js'
import type { ServerConfig } from '../../schemas/config.js'
import { buildServer, type BuiltServer, type ServerParts } from '../../server.js'
import { openMemoryStore } from '../../storage/memory/memory-store.js'

export const password = 'Right-Secret'
export const basic = (name: string, password: string): string => 'Basic ' + Buffer.from(`${name}:${password}`).toString('base64')
/** Of the user that `builtServer` makes. */
export const authorization = basic('admin', password)

/** Hashes that cost next to nothing. */
export const cheap = { N: 16, r: 1, p: 1 }

export interface LogLine { readonly level: number, readonly msg: string, readonly [name: string]: unknown }

export interface TestServer extends BuiltServer {
  readonly directory: string
  /** All that was logged so far. */
  readonly log: string[]
  lines (): LogLine[]
}

export interface RunningServer extends TestServer {
  readonly url: string
  readonly port: number
}

/** A users file with `admin` in it. */
export async function writeUsers (file: string, names: readonly string[] = ['admin']): Promise<string> {
  const hash = await hashPassword(password, cheap)
  writeFileSync(file, JSON.stringify({ users: names.map(name => ({ name, hash, access: 'write' })) }))
  return file
}

function temporaryDirectory (t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'cdmi-server-'))
  t.teardown(() => { rmSync(directory, { recursive: true, force: true }) })
  return directory
}

/** Nothing listens yet. With no user configured there is `admin`. Closed with the test. */
export async function builtServer (t: Test, config: ServerConfig = {}, parts: ServerParts = {}): Promise<TestServer> {
  const directory = config.data ?? join(temporaryDirectory(t), 'store')
  mkdirSync(directory, { recursive: true })
  const log: string[] = []
  const users = config.users === undefined && config.adminPassword === undefined ? { users: await writeUsers(join(dirname(directory), 'test-users.json')) } : {}
  const server = await buildServer(
    { data: directory, port: 0, host: '127.0.0.1', ...users, ...config },
    { store: openMemoryStore(), log: { write: line => { log.push(line) } }, ...parts }
  )
  t.teardown(async () => { await server.close() })
  return { ...server, directory, log, lines: () => log.map(line => JSON.parse(line) as LogLine) }
}

export async function runningServer (t: Test, config: ServerConfig = {}, parts: ServerParts = {}): Promise<RunningServer> {
  const server = await builtServer(t, config, parts)
  const url = await server.listen()
  return { ...server, url, port: (server.app.server.address() as AddressInfo).port }
}

export interface Question extends https.RequestOptions {
  readonly body?: string | Buffer
}

export interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly text: string
}

/** One request on a connection of its own. */
export async function ask (url: string, { body, ...options }: Question = {}): Promise<Answer> {
  const given = { agent: false, rejectUnauthorized: false, ...options }
  const request = url.startsWith('https') ? https.request(url, given) : http.request(url, given)
  request.end(body)
  const [response] = await once(request, 'response') as [http.IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return { status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() }
}
